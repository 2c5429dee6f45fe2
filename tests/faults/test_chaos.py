"""Hundreds of faults in one run, at random: nothing is lost, nothing hangs, all bytes are right.

SYNTHDATA_CHAOS_SEED=... replays the faults of a run whose seed a failure has printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from going_wrong import write_plugin
from processes import Command, group, leftovers, until

from synthdata.api import config
from synthdata.run import Run
from synthdata.run.verify import verify

CHAOS = '''
"""Samples that go wrong in every way, and a writer that does."""

import dataclasses
import errno
import os
from pathlib import Path

from faulty import Faulty
from synthdata.writers import Folder, WriteError
from synthdata.writers.folder import _FolderShard

KINDS = ("throw", "doze", "hold_the_interpreter", "devour", "kill", "segfault", "os_exit")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Chaotic(Faulty):
    throw_at: tuple[int, ...] = ()
    doze_at: tuple[int, ...] = ()
    hold_the_interpreter_at: tuple[int, ...] = ()
    devour_at: tuple[int, ...] = ()
    kill_at: tuple[int, ...] = ()
    segfault_at: tuple[int, ...] = ()
    os_exit_at: tuple[int, ...] = ()
    once_at: tuple[int, ...] = ()  # ends its worker the first time only
    folder: str = ""

    def marks(self, draw):
        index = int(draw.geometry.bit_generator.state["state"]["counter"][2])
        if not os.path.exists(self.unless):
            for kind in KINDS:
                if index in getattr(self, kind + "_at"):
                    self.count(f"{kind}.{index}.{os.getpid()}")
                    getattr(self, kind)()
            if index in self.once_at and self.count(f"once.{index}"):
                self.kill()
        return super().marks(draw)

    def count(self, name):
        """Leave a mark; whether it is the first of this name."""
        try:
            os.close(os.open(os.path.join(self.folder, name), os.O_CREAT | os.O_EXCL))
            return True
        except FileExistsError:
            return False


@dataclasses.dataclass(frozen=True)
class Flaky(Folder):
    """Fails at the commit of some shards, once each."""

    at: tuple[int, ...] = ()
    folder: str = ""

    def open(self, run, shard, staging, replace=False):
        name = os.path.join(self.folder, f"write.{shard}")
        if shard in self.at and not os.path.exists(name):
            open(name, "w").close()
            raise WriteError(errno.EIO, "the disk is on fire", str(run))
        return super().open(run, shard, staging, replace)
'''


class Plan(NamedTuple):
    """What goes wrong: samples by the way, writes that fail, workers killed from outside."""

    n: int
    shard_size: int
    faults: dict[str, int]
    writes: int
    kills: int
    at_least: int


LARGE = Plan(
    n=4000,
    shard_size=50,
    faults={
        "throw": 120,
        "doze": 8,
        "hold_the_interpreter": 2,
        "devour": 12,
        "kill": 10,
        "segfault": 5,
        "os_exit": 5,
        "once": 20,
    },
    writes=4,
    kills=40,
    at_least=200,
)
MEDIUM = LARGE._replace(
    n=1600,
    faults={how: -(-count * 2 // 5) for how, count in LARGE.faults.items()},
    writes=2,
    kills=12,
    at_least=70,
)
SMALL = Plan(
    n=600,
    shard_size=20,
    faults={"throw": 20, "doze": 2, "devour": 2, "kill": 2, "os_exit": 1, "once": 3},
    writes=1,
    kills=0,
    at_least=30,
)
GIVE_UP = 30  # times that the run is resumed


def killer(
    process: int, kills: int, rng: random.Random, ended: threading.Event, killed: list[int]
) -> None:
    """Kill workers of a run at random moments, until it ends.

    Not so often that none has the time to start: that ends a run, and is meant to.
    """
    while len(killed) < kills and not ended.wait(rng.uniform(0.5, 3.0)):
        workers = [p for p in children(process) if is_worker(p)]
        if workers:
            victim = rng.choice(workers)
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
                killed.append(victim)


def children(process: int) -> list[int]:
    try:
        tasks = Path(f"/proc/{process}/task").iterdir()
        return [int(p) for t in tasks for p in (t / "children").read_text().split()]
    except OSError:
        return []


def is_worker(pid: int) -> bool:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        return b"popen_loky_posix" in line or b"synthdata.queue" in line
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("engine", "plan"),
    [("loky", LARGE), ("queue", MEDIUM), ("dask", SMALL), ("ray", SMALL)],
    ids=lambda v: str(v)[:4],
)
def test_hundreds_of_faults(
    engine: str, plan: Plan, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine in ("dask", "ray"):
        pytest.importorskip({"dask": "distributed", "ray": "ray"}[engine])
    seed = int(os.environ.get("SYNTHDATA_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    replay = f"SYNTHDATA_CHAOS_SEED={seed}"
    rng = random.Random(seed)
    plugin = write_plugin(command.folder)
    (command.folder / "chaos.py").write_text(CHAOS)
    marks = command.folder / "marks"
    marks.mkdir()
    options = plugin.folder / "conf" / "primitives" / "chaotic.yaml"
    options.write_text("# @package primitives.chaotic\n_target_: chaos.Chaotic\n")
    indices = iter(rng.sample(range(plan.n), sum(plan.faults.values())))
    bad = {kind: sorted(next(indices) for _ in range(count)) for kind, count in plan.faults.items()}
    writes = rng.sample(range(plan.n // plan.shard_size), plan.writes)
    fields = {f"{kind}_at": at for kind, at in bad.items()}
    overrides = [
        "primitives=chaotic",
        *(f"+primitives.chaotic.{k}={str(v).replace(' ', '')}" for k, v in fields.items()),
        f"+primitives.chaotic.folder={marks}",
        "+primitives.chaotic.unless=well",
        *(
            "plugins=[faulty,chaos]",
            "canvas.size=[8,8]",
            f"n={plan.n}",
            f"shard_size={plan.shard_size}",
        ),
    ]
    faulty = [
        *("writer._target_=chaos.Flaky", f"+writer.at={str(writes).replace(' ', '')}"),
        *(f"+writer.folder={marks}", f"engine={engine}", "engine.workers=2"),
        *(
            "engine.memory_limit=1GB",
            "failures.max_rate=1",
            "failures.timeout_s=1",
            "hydra.run.dir=run",
        ),
    ]
    killed: list[int] = []
    codes = []
    arguments = [f"--config-dir={plugin.folder / 'conf'}", *overrides, *faulty]
    while not codes or codes[-1] not in (0, 1):
        assert len(codes) < GIVE_UP, f"{replay}: {codes}"
        process = command.start(*arguments)
        ended = threading.Event()
        thread = threading.Thread(target=killer, args=(process.pid, plan.kills, rng, ended, killed))
        thread.start()
        _, err = process.communicate(timeout=600)
        ended.set()
        thread.join()
        codes.append(process.returncode)
        assert process.returncode in (0, 1, 5), f"{replay}: {err}"
        assert "Traceback" not in err, f"{replay}: {err}"
        until(lambda p=process: not group(p), "all its processes to end")
        assert process.returncode != 5 or "the disk is on fire" in err, f"{replay}: {err}"
        arguments = ["resume", "run", "plugins=[faulty,chaos]"]

    monkeypatch.chdir(command.folder)
    monkeypatch.syspath_prepend(str(command.folder))
    run = Run.load(command.folder / "run", ["faulty", "chaos"])
    rows = [json.loads(line) for line in Path("run/failures.jsonl").read_text().splitlines()]
    failed = [row["index"] for row in rows]
    made = [record["index"] for record in run.records()]
    assert sorted(made + failed) == list(range(plan.n)), replay
    assert failed == sorted(failed), replay
    always = {i for kind, at in bad.items() if kind != "once" for i in at}
    assert always <= set(failed), replay
    for row in rows:  # all others were on a worker when somebody killed it, twice
        if row["index"] not in always:
            assert "worker" in row["cause"], f"{replay}: {row}"
    others = Counter(row["cause"] for row in rows if row["index"] not in always)
    assert others.total() <= plan.kills, f"{replay}: {others}"
    assert verify(run, 0).faults == [], replay
    assert leftovers(run.path) == [], replay
    assert run.state["status"] == "complete", replay

    Path("well").touch()
    clean = Run(
        Path("clean"),
        config([*overrides, "engine=serial"], config_dir=plugin.folder / "conf"),
    ).execute()
    assert clean.state["made"] == plan.n
    lost = set(failed)
    lines = [line for line in clean.metadata() if json.loads(line)["index"] not in lost]
    assert list(run.metadata()) == lines, replay

    injected = Counter(name.partition(".")[0] for name in os.listdir(marks))
    injected["killed from outside"] = len(killed)
    print(f"{replay}: {sum(injected.values())} faults: {dict(injected)}; exit codes {codes}")
    assert sum(injected.values()) >= plan.at_least, f"{replay}: {injected}"
    assert injected["write"] == plan.writes, replay
