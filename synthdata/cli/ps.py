"""``ps``: the processes at work in a run directory, as a tree."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synthdata.cli.parsing import parser_of
from synthdata.errors import ConfigError
from synthdata.run.plan import Plan
from synthdata.run.run import RUN
from synthdata.run.summary import LEDGER
from synthdata.runtime import beat, registry
from synthdata.runtime.registry import Entry


class Process(NamedTuple):
    """A process and those it started; ``entry`` is None for one that is nobody's of ours."""

    pid: int
    entry: Entry | None
    state: str
    doing: str
    beat: float | None
    children: list[Process]


def ps(arguments: Sequence[str]) -> int:
    """Show who is at work in a run directory or a study: main, trials and workers, as a tree."""
    parser = parser_of("ps", ps, run=True)
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    flags = parser.parse_args(arguments)
    run = Path(flags.run)
    if not run.is_dir():
        raise ConfigError(f"{run}: is not a folder; ps takes a run directory or a study's")
    found = tree(run)
    if flags.json:
        print(json.dumps([_plain(each) for each in found], indent=2))
    elif not found:
        print(f"{run}: nobody is at work here")
    else:
        for each in found:
            print("\n".join(_lines(each, "", "")))
    return 0


def tree(run: Path) -> list[Process]:
    """The processes of a run, those without a parent among them at the top."""
    entries = registry.read(run)
    pulses = {(p.host, p.pid): p for s in run.glob(f"{beat.STAGING}*") for p in beat.read(s)}
    living = registry.children()
    known = {(entry.host, entry.pid) for entry in entries}
    mains = [entry for entry in entries if entry.role == registry.MAIN]

    def above(entry: Entry) -> tuple[str, int] | None:
        """Who started it; a cluster's worker is taken for a child of the run's only main."""
        if (entry.host, entry.parent) in known:
            return entry.host, entry.parent
        if entry.role != registry.MAIN and len(mains) == 1:
            return mains[0].host, mains[0].pid
        return None

    def others(pid: int) -> list[Process]:
        """The living children that have not written themselves down."""
        return [
            Process(child, None, "running", registry.purpose(child), None, others(child))
            for child in sorted(living.get(pid, ()))
            if all(child != number for _, number in known)
        ]

    def grown(entry: Entry) -> Process:
        key = entry.host, entry.pid
        below = [grown(each) for each in entries if above(each) == key]
        state, doing, last = _told(entry, pulses.get(key))
        if entry.role == registry.MAIN and not doing:
            doing = _progress(run)
        more = others(entry.pid) if entry.alive else []
        return Process(entry.pid, entry, state, doing, last, below + more)

    return [grown(entry) for entry in entries if above(entry) is None]


def _told(entry: Entry, pulse: beat.Pulse | None) -> tuple[str, str, float]:
    """The state of a process, what it is doing and when it last gave a sign of life."""
    state, doing, last = entry.state, entry.doing, entry.beat
    if entry.alive is False:
        state = "gone"
    if pulse is not None:
        last = max(last, pulse.time)
        if state == "ready" and pulse.index == beat.STARTING:
            state = "starting"
        where = {beat.STARTING: "before its first sample", beat.COMMITTING: "committing"}
        doing = doing or (
            f"shard {pulse.shard:05d}, {where.get(pulse.index, f'sample {pulse.index}')}"
            f" ({pulse.begun} begun, {pulse.failed} failed)"
        )
    return state, doing, last


def _progress(run: Path) -> str:
    """How far a run is, as its folder shows it."""
    try:
        plan = Plan.from_list(json.loads((run / RUN).read_bytes())["plan"])
    except (OSError, ValueError, LookupError, TypeError, ConfigError):  # has not begun
        return ""
    made = sum(path.stem.isdigit() for path in (run / LEDGER).glob("*.json"))
    return f"{made} of {plan.shard_count} shards made"


def _lines(process: Process, first: str, rest: str) -> Iterator[str]:
    yield first + _sentence(process)
    for k, child in enumerate(process.children):
        last = k == len(process.children) - 1
        yield from _lines(
            child, f"{rest}{'└─' if last else '├─'} ", f"{rest}{'  ' if last else '│ '} "
        )


def _sentence(process: Process) -> str:
    entry = process.entry
    if entry is None:
        return f"process {process.pid}: {process.doing}"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.since))
    words = f"{entry.role} {entry.pid} on {_printable(entry.host)} since {since}: {process.state}"
    if process.doing:
        words += f", {_printable(process.doing)}"
    if process.beat is not None and process.state != "gone":
        words += f"; last beat {max(0.0, time.time() - process.beat):.1f} s ago"
    return words


def _printable(text: object) -> str:
    """Text of a stranger on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in str(text))[:300]


def _plain(process: Process) -> Mapping[str, Any]:
    told = {} if process.entry is None else process.entry._asdict()
    return {
        **told,
        "pid": process.pid,
        "state": process.state,
        "doing": process.doing,
        "beat": process.beat,
        "children": [_plain(child) for child in process.children],
    }
