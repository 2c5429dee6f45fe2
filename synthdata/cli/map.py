"""The command ``map``: a function over the groups of a run."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from synthdata.cli.changes import MAPPING, load_run
from synthdata.cli.here import find_modules_here
from synthdata.cli.parsing import assignment, explain, parser_of
from synthdata.errors import ConfigError


def map_(arguments: Sequence[str]) -> int:
    """Call a function for each value on an axis of a run: fn=gif axis=sequence."""
    parser = parser_of("map", map_, run=True, overrides=True)
    parser.add_argument("-o", "--output", help="the folder to write (RUN-FUNCTION-AXIS)")
    parser.add_argument("--renew", action="store_true", help="look for the axis' values anew")
    explain(parser, arguments, _page)
    flags = parser.parse_args(arguments)
    from synthdata.maps.mapping import map_run

    mine = [o for o in flags.overrides if o.partition("=")[0].partition(".")[0] not in MAPPING]
    options: dict[str, Any] = dict(assignment(o) for o in mine)
    function, axis = options.pop("fn", None), options.pop("axis", None)
    if not isinstance(function, str):
        raise ConfigError("fn: missing; name a function, as in fn=contact_sheet or fn=my_maps:mean")
    axes = [axis] if isinstance(axis, str) else axis
    if not axes or not isinstance(axes, list) or not all(isinstance(name, str) for name in axes):
        raise ConfigError("axis: missing; name an axis or a key of the records, as in axis=class")
    find_modules_here()
    run = load_run(flags.run, [o for o in flags.overrides if o not in mine], MAPPING)
    target = Path(flags.output) if flags.output else None
    mapped = map_run(run, function, axes, run.config.engine, target, options, flags.renew)
    for failure in mapped.failures[:5]:
        values = ", ".join(f"{k} {v}" for k, v in failure.work.coordinates.items())
        print(f"{values}: {failure.cause}", file=sys.stderr)
    if mapped.target is None:
        print("no groups, so nothing was written")
    else:
        groups = "group" if mapped.groups == 1 else "groups"
        print(f"{mapped.target}: {mapped.groups:,} {groups}, {len(mapped.failures):,} failed")
    return 1 if mapped.failures else 0


def functions() -> dict[str, Callable[..., Any]]:
    """The functions that come with synthdata, by name."""
    from synthdata import maps

    given = {name: getattr(maps, name) for name in maps.__all__}
    return {name: f for name, f in given.items() if inspect.isfunction(f) and f is not maps.map_run}


def _page() -> Iterator[str]:
    yield "keys:"
    yield "  fn    one of the functions below, or one of yours: fn=my_maps:mean"
    yield "  axis  an axis of the run or a key of its records, or several: axis=[channel,time]"
    yield "  engine.workers and plugins are as in resume; all else is for the function"
    yield "functions:"
    for name, function in functions().items():
        first, *rest = (function.__doc__ or "").replace("``", "").splitlines()
        yield f"  {name:<13} {first}"
        yield from (f"  {'':<13} {line.strip()}" for line in rest if line.strip())
