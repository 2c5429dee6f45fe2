"""One long run of small pictures, watched from outside: does it grow, does it leave anything?

    python scripts/soak.py              # 1,000,000 samples of 64x64, 2 workers
    python scripts/soak.py --n 20000    # quickly
    python scripts/soak.py --keep DIR   # the run directory stays, in DIR

While the run goes on this program notes the resident memory of its main process and of its
workers, and the open files of the main process. Afterwards it looks for processes, temporary files
and shared memory that the run has left, hashes every file, and makes some samples again. The
memory of the main process and of the largest worker may be GROWTH_MB more while the last tenth of
the shards is made than during the second (the first is the start), and open files not one. Exit
code 1 where one of these is not so.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

GROWTH_MB = 4.0
SHARD = 2000  # at most; at least 50 of them
LOOKS = 400  # at most: then every second one is forgotten, and they come half as often
REMADE = 200
NO_FAULT = "no growth, nothing left, all there"
PATIENCE_S = 30.0  # for processes that end when they see that the main one has
SHARED = Path("/dev/shm")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Look(NamedTuple):
    """What a run has at one moment: finished shards, memory in MB, open files."""

    seconds: float
    shards: int
    main: float
    files: int
    workers: tuple[float, ...]

    @property
    def largest(self) -> float:
        return max(self.workers, default=0.0)


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    parent = Path(tempfile.mkdtemp(prefix="synthdata-soak-", dir=options.keep))
    faults: list[str] = []
    try:
        scratch, run = parent / "tmp", parent / "run"
        scratch.mkdir()
        code, looks, left = watched(run, scratch, options.n, options.workers, options.engine)
        if code != 0:
            print((parent / "err").read_text(), file=sys.stderr)
            return 1
        left += [f"temporary file {path.name}" for path in scratch.iterdir()]
        faults = [*grown(looks), *(f"left behind: {what}" for what in left)]
        print(table(looks))
        found, told = checked(run, options.n)
        faults += found
        print(told)
        print("\n".join(f"FAULT {fault}" for fault in faults) or NO_FAULT, flush=True)
    finally:
        if options.keep is None:
            shutil.rmtree(parent, ignore_errors=True)
        else:
            print(run)
    return 1 if faults else 0


def watched(
    run: Path, scratch: Path, n: int, workers: int, engine: str
) -> tuple[int, list[Look], list[str]]:
    """The run's exit code, what was seen while it went on, and what it left on the machine.

    That is processes, and shared memory that its processes had when they were looked at.
    """
    overrides = [f"n={n}", f"shard_size={min(SHARD, max(n // 50, 1))}", f"engine={engine}"]
    overrides += [f"engine.workers={workers}", "canvas.size=[64,64]", "primitives.lines.count=1"]
    with open(run.with_name("out"), "w") as out, open(run.with_name("err"), "w") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "synthdata", f"hydra.run.dir={run}", *overrides],
            cwd=run.parent,
            env={**os.environ, "TMPDIR": str(scratch)},
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    looks: list[Look] = []
    shared: set[str] = set()
    began, pause = time.monotonic(), 0.05
    while True:
        try:
            process.wait(pause)
            break
        except subprocess.TimeoutExpired:
            if (look := _look(run, process.pid, time.monotonic() - began)) is not None:
                looks.append(look)
            shared |= _shared(process.pid)
        if len(looks) == LOOKS:
            del looks[::2]
            pause *= 2
    ended = time.monotonic()
    while (left := _session(process.pid)) and time.monotonic() - ended < PATIENCE_S:
        time.sleep(0.05)
    told = [f"process {pid}" for pid in left]
    told += [f"shared memory {name}" for name in sorted(shared & _names(SHARED))]
    return process.returncode, looks, told


def _look(run: Path, pid: int, seconds: float) -> Look | None:
    shards = len(_names(run / "ledger"))
    try:
        main, files = _memory(pid), len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:  # it has ended
        return None
    workers = []
    for other in _session(pid):
        try:
            line = Path(f"/proc/{other}/cmdline").read_bytes()
            if other != pid and b"resource_tracker" not in line:
                workers.append(_memory(other))
        except OSError:
            continue
    return Look(seconds, shards, main, files, tuple(sorted(workers)))


def _shared(leader: int) -> set[str]:
    """The names of the shared memory that a session's processes have; others are at work too."""
    found = set()
    for pid in _session(leader):
        try:
            lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
        except OSError:
            continue
        found |= {line.rpartition("/")[2] for line in lines if f" {SHARED}/" in line}
    return found


def _memory(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


def _session(leader: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(name))
    return found


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def parts(looks: Sequence[Look]) -> list[Sequence[Look]]:
    """Tenths, by time."""
    end = looks[-1].seconds
    tenths: list[list[Look]] = [[] for _ in range(10)]
    for look in looks:
        tenths[min(int(10 * look.seconds / end), 9)].append(look)
    return [tenth for tenth in tenths if tenth]


def grown(looks: Sequence[Look]) -> list[str]:
    """What has grown by more than it may, from the second tenth of the shards to the last."""
    end = looks[-1].shards if looks else 0
    early = [look for look in looks if 0.1 <= look.shards / max(end, 1) < 0.2]
    late = [look for look in looks if 0.9 <= look.shards / max(end, 1) < 1.0]
    if not early or not late:
        return ["too short to tell"]
    faults = []
    for name in ("main", "largest"):
        before, after = (median(getattr(look, name) for look in part) for part in (early, late))
        if after - before > GROWTH_MB:
            faults.append(f"memory of {name}: {before:.1f} MB, then {after:.1f} MB")
    before, after = (median(look.files for look in part) for part in (early, late))
    if after > before:
        faults.append(f"open files: {before:.0f}, then {after:.0f}")
    return faults


def table(looks: Sequence[Look]) -> str:
    """The medians of each tenth."""
    lines = ["   until  shards  main MB  files  workers  each MB"]
    for tenth in parts(looks):
        at_work = [look for look in tenth if look.workers] or tenth
        least = median(min(look.workers, default=0.0) for look in at_work)
        lines.append(
            f"{tenth[-1].seconds:6.0f} s  {tenth[-1].shards:6}  "
            f"{median(look.main for look in tenth):7.1f}  "
            f"{median(look.files for look in tenth):5.0f}  "
            f"{median(len(look.workers) for look in tenth):7.0f}  "
            f"{least:.1f} to {median(look.largest for look in at_work):.1f}"
        )
    lines.append(
        f"greatest: main {max(look.main for look in looks):.1f} MB, at the end with report"
    )
    return "\n".join(lines)


def checked(folder: Path, n: int) -> tuple[list[str], str]:
    """Faults of the finished run, and what was looked at."""
    from synthdata.run import Run
    from synthdata.run.verify import verify

    run = Run.load(folder)
    state = run.state
    outcome = state["status"], state["made"], state["failed"]
    faults = [] if outcome == ("complete", n, 0) else [f"run.json: {outcome}"]
    verdict = verify(run, REMADE, seed=n)
    faults += verdict.faults
    if verdict.records != n:
        faults.append(f"{verdict.records} records")
    usual = ("dataset", "ledger", ".hydra")
    odd = [path.name for path in folder.iterdir() if path.is_dir() and path.name not in usual]
    faults += [f"left behind in the run directory: {name}" for name in odd]
    return faults, (
        f"{verdict.records:,} records and {verdict.files:,} files hashed, "
        f"{verdict.rendered} samples made again, digest {state.get('digest', '')[:12]}; "
        f"{n / state['elapsed_s']:,.0f} images/s in {state['elapsed_s']:,.0f} s"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--n", type=int, default=1_000_000, help="samples (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--engine", default="loky", help="loky or queue (%(default)s)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the run stays")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
