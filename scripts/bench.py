"""How fast this project is, beside what others do and beside what cannot be undercut.

    python scripts/bench.py                     # every case
    python scripts/bench.py png small --n 500   # some, quickly
    python scripts/bench.py before --before REV # this checkout against an earlier commit
    python scripts/bench.py faults              # what the protection against faults costs
    python scripts/bench.py labels              # labels beside their pictures, by stages
    python scripts/bench.py stages              # where the time of a sample goes
    python scripts/bench.py costs               # what each option of a config costs
    python scripts/bench.py queue               # the queue, the stream and the engine on it
    python scripts/bench.py cache               # kept replies, from SQLite and from Redis

All programs of a case are measured in turns, on this machine, in one go. The ratios hold for other
machines; the images per second do not.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--child"]:
        return child(*arguments[1:])
    # Installed packages are compiled: else this project alone would be, again in each process.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    from benchmarks.cases import CASES, Setting
    from benchmarks.costs import cost_lines, measure_costs
    from benchmarks.labels import label_lines, measure_labels
    from benchmarks.measure import BenchError
    from benchmarks.place import make_folder, make_root, microseconds_a_file
    from benchmarks.report import case_lines, machine
    from benchmarks.stages import measure_stages, stage_lines

    known = [*CASES, "labels", "stages", "costs"]
    options = _parser(known).parse_args(arguments)
    chosen = [*options.cases, *filter(None, options.only.split(","))] or known
    if "queue" in chosen:  # all that has to do with it
        chosen = [c for c in chosen if c != "queue"]
        chosen += [c for c in CASES if c.startswith("queue-") or c in ("stream", "engine")]
    if unknown := [name for name in chosen if name not in known]:
        print(f"bench: {unknown[0]!r} is not a case; known: {', '.join(known)}", file=sys.stderr)
        return 2
    result: dict[str, Any] = {"machine": machine(), "cases": {}}
    result |= {"n": options.n, "repetitions": options.reps, "workers": options.workers}
    root = make_root(options.dir)
    result["file_us"] = microseconds_a_file(make_folder(root))
    fault = None
    try:
        tables = {  # of this process alone, not of programs in turns
            "labels": (partial(measure_labels, options.reps), label_lines),
            "stages": (partial(measure_stages, root, options.reps), stage_lines),
            "costs": (partial(measure_costs, options.reps), cost_lines),
        }
        setting = Setting(options.n, options.reps, options.workers, root, options.before)
        for name in chosen:
            if name in tables:
                measure, lines = tables[name]
                result[name] = found = measure()
                print("\n".join(lines(found)), flush=True)
                continue
            result["cases"][name] = measured = _measure(CASES[name](setting), options.reps)
            print("\n".join(case_lines(name, measured)), flush=True)
    except BenchError as error:  # what was measured before is worth keeping
        fault = error
    finally:
        shutil.rmtree(root, ignore_errors=True)
    result["load_at_end"] = machine()["load"]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"\n{_machine_line(result)}\n{options.json}")
    if fault is not None:
        print(f"bench: {fault}", file=sys.stderr)
    return 0 if fault is None else 1


def child(name: str, *arguments: str) -> int:
    """Run one of the programs that are measured."""
    if name == "loop":
        from benchmarks.loops import serve

        serve(arguments[0], Path(arguments[1]))
        return 0
    from importlib import import_module

    folder, images, workers, suffix = arguments
    import_module(f"benchmarks.{name}").run(Path(folder), int(images), int(workers), suffix)
    return 0


def _measure(case: Any, repetitions: int) -> dict[str, Any]:
    from benchmarks.compare import rates
    from benchmarks.measure import take_turns

    measured = {"title": case.title, "skipped": case.skip, "programs": [], "comparisons": []}
    if case.skip:
        return measured
    turns = take_turns(case.programs, case.effort * repetitions, _tell)
    measured["programs"] = rates(turns)
    measured["comparisons"] = [comparison.result(turns) for comparison in case.comparisons]
    return measured


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="\r", file=sys.stderr, flush=True)


def _machine_line(result: dict[str, Any]) -> str:
    machine = result["machine"]
    return (
        f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, "
        f"{result['file_us']:.0f} µs to make a file, "
        f"load {machine['load'][0]:.1f} before and {result['load_at_end'][0]:.1f} after "
        "(above 0.5 before: others were at work)"
    )


def _parser(cases: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="case", help=f"of: {', '.join(cases)}")
    parser.add_argument("--only", default="", metavar="A,B", help="the same, in one word")
    parser.add_argument("--n", type=int, default=5000, help="images in a run (%(default)s)")
    parser.add_argument("--reps", type=int, default=5, help="repetitions (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--before", default="", metavar="REV", help="the commit of the case before")
    parser.add_argument("--dir", type=Path, help="where to write the images, for all programs")
    parser.add_argument("--json", type=Path, default=ROOT / "outputs" / "bench.json")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
