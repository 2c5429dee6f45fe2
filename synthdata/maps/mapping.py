"""A run, grouped along an axis that its records have, and a function called on each group."""

from __future__ import annotations

import functools
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from synthdata.axes.discovery import groups, keys_of, with_lists, with_tuples
from synthdata.coordinator import Coordinator, Result, Work, named
from synthdata.dataset.stored import Stored
from synthdata.engines.base import Engine
from synthdata.errors import ConfigError, Interrupted, nearest
from synthdata.exports.source import check_finished
from synthdata.exports.target import whole
from synthdata.maps.functions import check_options
from synthdata.maps.group import Group
from synthdata.run.run import Run
from synthdata.run.shard import writing
from synthdata.run.stop import on_signals
from synthdata.runtime.resources import Kept, Resource

SHIPPED = ("contact_sheet", "gif", "mosaic", "mp4", "statistics")
RESULTS = "results.jsonl"
FOUND = "axes"  # the folder of a run where groups are kept
logger = logging.getLogger("synthdata.maps")


class Context(NamedTuple):
    """What all calls share; it is sent to the workers."""

    run: Run
    function: str
    folder: Path
    options: Mapping[str, Any]


class Mapped(NamedTuple):
    """What became of a run's groups: where it is, how many there were, and the failures.

    There is no target where there was no group.
    """

    target: Path | None
    groups: int
    failures: tuple[Result, ...]


def map_run(
    run: Run,
    function: str,
    axes: Sequence[str],
    engine: Engine,
    target: Path | None = None,
    options: Mapping[str, Any] | None = None,
    renew: bool = False,
) -> Mapped:
    """Call a function once for each value on an axis of a run, and write what it gives.

    Parameters
    ----------
    function
        ``module:function``, or the name of one that comes with synthdata.
    axes
        An axis of the run's grid, or a dotted key of its records; or several.
    engine
        Where the calls are made.
    target
        The folder for results; beside the run unless given.
    options
        What the function may want to know, by name; those that come with synthdata say what.
    renew
        Whether to look for groups anew even if the data are those that they were found in.

    Raises
    ------
    ConfigError
        If there is no such function, option, axis or key, shards are missing, or the target is
        there already.
    Interrupted
        If a signal came; nothing is left behind.
    """
    name = f"synthdata.maps:{function}" if function in SHIPPED else function
    if ":" not in name:
        raise ConfigError(
            f"fn: {name!r} is neither one of synthdata's nor module:function; "
            f"{nearest(name, SHIPPED)}"
        )
    _checked(name, options or {})
    check_finished(run)
    path = target or run.path.with_name(f"{run.path.name}-{name.rpartition(':')[2]}-{axes[0]}")
    known = found(run, axes, renew)
    if not known:
        hint = _hint(run, axes)
        logger.warning("no record has a value on %s%s", ", ".join(axes), hint and f"; {hint}")
        return Mapped(None, 0, ())
    failures = []
    with whole(path.absolute()) as folder, on_signals() as stop:
        folder.mkdir()
        context = Context(run, name, folder, dict(options or {}))
        coordinator = Coordinator(engine, call, context)
        works = [Work(dict(zip(axes, with_lists(key), strict=True)), k) for key, k in known.items()]
        results = {_key(r.work): r for r in coordinator.run(works, stop)}
        if stop():
            raise Interrupted(f"stopped by {stop.signal}; nothing is left behind")
        with writing(folder), open(folder / RESULTS, "w", encoding="utf-8") as file:
            for work in works:
                result = results.get(_key(work)) or Result(work, cause="its worker was lost")
                file.write(json.dumps(_row(result)) + "\n")
                if result.cause is not None:
                    failures.append(result)
    return Mapped(path, len(works), tuple(failures))


def call(context: Context, work: Work) -> Any:
    """One call of the function, where the engine makes it."""
    run = context.run
    samples = _opened((run.path, run.config.fingerprint), run)["samples"]
    group = Group(work.coordinates, work.members, context.folder, samples, context.options)
    value = _checked(context.function, context.options)(group)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"result: {error}; return numbers, strings, lists, mappings") from error
    return value


def _checked(name: str, options: Mapping[str, Any]) -> Callable[[Group], Any]:
    """The function of a group that ``module:function`` names; one of ours has its options."""
    function = named(name)
    if not name.startswith("synthdata.maps:"):
        return function
    check_options(function, options)
    return functools.partial(function, **options)


def _hint(run: Run, axes: Sequence[str]) -> str:
    """What may have been meant by axes that no record has values on, "" if nothing is to be said.

    Raises ConfigError if the run has no such axis and its records have no such key.
    """
    grid = run.config.axes.names if run.config.axes is not None else ()
    known = keys_of(map(orjson.loads, run.metadata()))
    valued = [key for key, has_value in known.items() if has_value]
    for name in axes:
        if name in grid or name in valued or not known:
            continue
        if below := [key for key in valued if key.startswith(f"{name}.")]:
            return f"keys below it have: {', '.join(below)}"
        if name in known or _may_hold(known, name):
            continue
        hint = nearest(name, [*grid, *valued])
        if ends := [key for key in valued if key.endswith(f".{name}")]:
            hint = f"did you mean {' or '.join(map(repr, ends[:3]))}?"
        elif hint.startswith("known"):  # which would be all that marks have, too
            hint = nearest(name, {*grid, *(key.partition(".")[0] for key in known)} - {"axes"})
        raise ConfigError(
            f"axis: {name!r} is no axis of {run.path} and no key of its records; {hint}"
        )
    return ""


def _may_hold(known: Mapping[str, bool], key: str) -> bool:
    """Whether a key is below one that has nothing in it, as ``marks.params.x`` without marks."""
    heads = [head for head in known if key.startswith(f"{head}.")]
    head = max(heads, key=len, default="")
    return bool(head) and not known[head] and not any(k.startswith(f"{head}.") for k in known)


#: The samples of the run that was mapped last, opened once for each process.
_opened = Kept([Resource("samples", Stored)])


def found(run: Run, axes: Sequence[str], renew: bool = False) -> dict[tuple, list[int]]:
    """The samples by their values on axes, looked for in the records, and kept beside them.

    What is kept holds as long as the shards are as they were.
    """
    stamp = _stamp(run)
    name = hashlib.sha256("\n".join(axes).encode()).hexdigest()[:16]
    kept = run.path / FOUND / f"{name}.json"
    if not renew:
        try:
            node = json.loads(kept.read_bytes())
            if node["axes"] == list(axes) and node["stamp"] == stamp:
                return {with_tuples(key): [*map(int, k)] for key, k in node["groups"]}
        except (OSError, ValueError, KeyError, TypeError):
            pass
    known = groups(map(orjson.loads, run.metadata()), axes)
    if not known:
        return known
    node = {"axes": list(axes), "stamp": stamp, "groups": [[[*k], v] for k, v in known.items()]}
    with writing(kept):
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps(node), encoding="utf-8")
    return known


def _stamp(run: Run) -> str:
    """What is another where the records are others."""
    parts = [str(run.state.get("digest")), *map(str, sorted(run.config.store.finished(run.path)))]
    for path in sorted((*run.path.glob("dataset/*/metadata.jsonl"), *run.path.glob("dataset/*.*"))):
        stat = path.stat()
        parts.append(f"{path.name} {stat.st_size} {stat.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _key(work: Work) -> str:
    return json.dumps([*work.coordinates.items()])


def _row(result: Result) -> dict[str, Any]:
    row = {"axes": dict(result.work.coordinates), "samples": len(result.work.members)}
    if result.cause is None:
        return row | {"result": result.value}
    return row | {"cause": result.cause, "traceback": result.traceback}
