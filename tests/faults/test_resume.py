"""Killed at any moment and resumed: the same bytes, and nothing left behind."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest
from going_wrong import Plugin
from processes import Command, group, leftovers, until

from synthdata.api import config
from synthdata.run import Run
from synthdata.runtime import beat

CONFIG = ["canvas.size=[48,32]", "labels=[marks,instance_mask]", "seed=3", "shard_size=20"]


def finished(run: Path) -> int:
    return len(list((run / "dataset").glob("[0-9]*"))) if (run / "dataset").exists() else 0


def data_set(run: Path) -> str:
    """One hash of every file in the shards; the card beside them tells of the making."""
    total = hashlib.sha256()
    for path in sorted((run / "dataset").glob("[0-9]*/**/*")):
        total.update(path.name.encode() + (path.read_bytes() if path.is_file() else b""))
    return total.hexdigest()


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What an uninterrupted run makes."""
    path = tmp_path_factory.mktemp("expected") / "run"
    run = Run(path, config([*CONFIG, "n=600", "engine=serial"])).execute()
    return {"digest": run.state["digest"], "data set": data_set(path)}


KILLS = 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_at_twenty_random_moments_and_resumed(
    command: Command, expected: dict[str, str]
) -> None:
    """The main process alone: its workers must notice, while the next one is at work already."""
    seed = int(os.environ.get("SYNTHDATA_KILL_SEED", random.SystemRandom().randrange(10**6)))
    replay = f"SYNTHDATA_KILL_SEED={seed}"
    moments = random.Random(seed)
    kills, runs = 0, 0
    while kills < KILLS:
        runs += 1
        run = command.folder / f"run{runs}"
        killed = []
        while True:
            there = (run / "config.yaml").exists() and (run / "run.json").exists()
            arguments = [*CONFIG, "n=600", "engine.workers=2", f"hydra.run.dir={run.name}"]
            process = command.start(*(["resume", run.name] if there else arguments))
            try:
                # Longer each time, so that a slow machine gets somewhere too.
                process.wait(timeout=moments.uniform(0.1, 2.0 + 0.2 * len(killed)))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
                killed.append(process)
        assert process.returncode == 0, f"{replay}: {process.communicate()}"
        for each in killed:
            until(lambda p=each: not group(p), "all its processes to end")
        assert Run.load(run).state["digest"] == expected["digest"], replay
        assert data_set(run) == expected["data set"], replay
        assert leftovers(run) == [], replay
        assert command("verify", run.name).returncode == 0, replay


CRASHES = '''
"""Kill a run just before each of its steps on the file system, resume it, and compare."""
import itertools, os, signal, sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
from processes import leftovers
from synthdata.api import config
from synthdata.run import Run

STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate", "shutil.rmtree"}
made = config(["canvas.size=[8,8]", "primitives.lines.count=1", "n=3", "shard_size=2",
               "engine=serial", "labels=[marks,instance_mask]"])

def child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def crash_at(path, step):
    def work():
        count = 0
        def hook(event, args):
            nonlocal count
            if event in STEPS:
                count += 1
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        Run(path, made).execute()
    return child(work)

expected = Run("expected", made).execute().state["digest"]
for step in itertools.count(1):
    path = Path(f"run{step}")
    code = crash_at(path, step)
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
    shards = sorted(path.glob("dataset/[0-9]*"))
    for shard in shards:  # what is there is whole
        names = {p.name for p in shard.iterdir()}
        assert len(names) == 1 + 2 * len((shard / "metadata.jsonl").read_text().splitlines()), names
    assert child(lambda: Run(path, made).execute()) == 0, step
    assert Run(path, made).state["digest"] == expected, step
    assert leftovers(path) == [], (step, leftovers(path))
print(step - 1)
'''


@pytest.mark.slow
def test_killed_before_each_step_on_the_file_system(command: Command) -> None:
    process = command.python("-c", CRASHES, str(Path(__file__).resolve().parents[1]))
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert int(out) > 40


@pytest.mark.slow
def test_workers_end_with_their_run(command: Command, plugin: Plugin) -> None:
    """Nobody waits for what they make; they must not go on for the rest of a long shard."""
    run = command.folder / "run"
    process = command.start(
        *plugin.arguments(seconds=0.02),
        *("n=4000", "shard_size=2000", "engine.workers=2", "hydra.run.dir=run"),
    )
    until(lambda: len(list((run / ".staging").glob("*/*.png"))) > 4, "both workers at work")
    process.kill()
    process.wait()
    until(lambda: not group(process), "the workers to end")
    assert finished(run) == 0


@pytest.mark.slow
def test_resumed_while_workers_of_the_killed_run_still_write(
    command: Command, plugin: Plugin
) -> None:
    run = command.folder / "run"
    go = command.folder / "go"
    arguments = [
        *plugin.arguments(seconds=0.02, waits=[25, 55], gate=go),
        *("n=120", "shard_size=30", "engine.workers=2", "hydra.run.dir=run"),
    ]
    process = command.start(*arguments)
    at = lambda: {pulse.index for pulse in beat.read(run / beat.STAGING)}  # noqa: E731
    until(lambda: at() == {25, 55}, "both workers in the middle of their shards")
    workers = [p for p in group(process) if p != process.pid]
    for pid in workers:  # they notice nothing until they are let go
        _signal(pid, signal.SIGSTOP)
    go.touch()
    process.kill()
    process.wait()
    second = command.start("resume", "run", "plugins=[faulty]")
    until(lambda: finished(run) > 0 or second.poll() is not None, "the second run at work")
    for pid in workers:
        _signal(pid, signal.SIGCONT)
    out, err = second.communicate(timeout=90)
    assert second.returncode == 0, err
    until(lambda: not group(process), "the first run's workers to end")
    verdict = command("verify", "run", "plugins=[faulty]", "-k", "120")
    assert verdict.returncode == 0, verdict.stdout
    assert leftovers(run) == []


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("engine", ["engine.workers=2", "engine=serial"])
def test_a_signal_ends_it_cleanly(
    number: int, engine: str, command: Command, plugin: Plugin
) -> None:
    run = command.folder / "run"
    arguments = ["n=40000", "shard_size=10", engine, "hydra.run.dir=run"]
    process = command.start(*plugin.arguments(seconds=0.005), *arguments)
    until(lambda: finished(run) > 2, "some shards")
    process.send_signal(number)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 130
    assert f"stopped by {signal.Signals(number).name}" in err
    assert "python -m synthdata resume run" in err
    assert "Traceback" not in err, err
    until(lambda: not group(process), "no worker left")
    assert leftovers(run) == []
    state = json.loads((run / "run.json").read_text())
    assert state["status"] == "interrupted"
    records = sum(
        len((s / "metadata.jsonl").read_text().splitlines()) for s in run.glob("dataset/[0-9]*")
    )
    assert state["made"] == records
    for shard in run.glob("dataset/[0-9]*"):
        assert len(list(shard.iterdir())) == 11


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["engine=loky", "engine=queue"])
def test_a_signal_while_all_is_starting(engine: str, command: Command) -> None:
    """Two threads import modules then, which no exception may come between."""
    moments = random.Random(0)
    for k in range(8):
        process = command.start("n=30000", engine, "engine.workers=2", f"hydra.run.dir=run{k}")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=moments.uniform(0.2, 1.2))
        os.killpg(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=90)
        # Before the first line of ours Python ends it.
        assert process.returncode in (130, -signal.SIGTERM), err
        assert "Traceback" not in err, err
        assert "Exception ignored" not in err, err
        until(lambda p=process: not group(p), "no worker left")


@pytest.mark.slow
def test_a_key_press_reaches_the_whole_group(command: Command, plugin: Plugin) -> None:
    """Ctrl-C in a terminal goes to the workers too."""
    run = command.folder / "run"
    arguments = ["n=40000", "shard_size=10", "engine.workers=2", "hydra.run.dir=run"]
    process = command.start(*plugin.arguments(seconds=0.005), *arguments)
    until(lambda: finished(run) > 2, "some shards")
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 130
    assert "Traceback" not in err, err
    assert not (run / "failures.jsonl").exists()
    assert leftovers(run) == []
    until(lambda: not group(process), "no worker left")


PATIENT = """
import synthdata.run.shard, synthdata.run.stop
synthdata.run.shard.TERM_GRACE_S = synthdata.run.stop.TERM_GRACE_S = 60.0
"""


@pytest.mark.parametrize(
    "engine", ["engine=loky", pytest.param("engine=queue", marks=pytest.mark.slow)]
)
def test_a_scheduler_sends_sigterm_to_all_processes(
    engine: str, command: Command, plugin: Plugin
) -> None:
    """Workers live on, to finish what they are on; here in any time, however slow they are."""
    run = command.folder / "run"
    with open(plugin.folder / "faulty.py", "a") as module:
        module.write(PATIENT)
    arguments = ["n=4000", "shard_size=10", engine, "engine.workers=2", "hydra.run.dir=run"]
    process = command.start(*plugin.arguments(seconds=0.03), *arguments)
    until(lambda: len(beat.read(run / beat.STAGING)) == 2, "two shards under way")
    under_way = {pulse.shard for pulse in beat.read(run / beat.STAGING)}
    os.killpg(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert "Traceback" not in err, err
    assert under_way <= {int(path.name) for path in run.glob("dataset/[0-9]*")}
    assert leftovers(run) == []
    until(lambda: not group(process), "no worker left")


LISTENING = """
import signal
from synthdata.api import config
from synthdata.run import Run

if __name__ == "__main__":
    def told(number, frame):
        print("told:", Run.load("run", ["faulty"]).state["status"], flush=True)
        raise SystemExit(9)

    signal.signal(signal.SIGUSR2, told)
    Run("run", config({overrides}, config_dir={conf!r})).execute()
"""


@pytest.mark.parametrize(
    "engine", ["engine=loky", pytest.param("engine=queue", marks=pytest.mark.slow), "engine=serial"]
)
def test_a_warning_is_heard_when_the_run_has_stopped(
    engine: str, command: Command, plugin: Plugin
) -> None:
    """To all processes, as schedulers send it: only who listens hears it, and no worker dies."""
    run = command.folder / "run"
    overrides = [*plugin.overrides(seconds=0.03), "n=4000", "shard_size=10", engine]
    text = LISTENING.format(overrides=overrides, conf=str(plugin.folder / "conf"))
    (command.folder / "main.py").write_text(text)
    process = command.python("main.py")
    until(lambda: any(p.begun for p in beat.read(run / beat.STAGING)), "a sample under way")
    under_way = {pulse.shard for pulse in beat.read(run / beat.STAGING)}
    os.killpg(process.pid, signal.SIGUSR2)
    out, err = process.communicate(timeout=90)
    assert (process.returncode, out) == (9, "told: interrupted\n"), err
    assert under_way <= {int(path.name) for path in run.glob("dataset/[0-9]*")}
    assert leftovers(run) == []
    until(lambda: not group(process), "no worker left", 5)


def test_a_second_signal_does_not_wait(command: Command, plugin: Plugin) -> None:
    run = command.folder / "run"
    process = command.start(
        *plugin.arguments(seconds=30.0), "n=4", "shard_size=2", "hydra.run.dir=run", "engine=serial"
    )
    until(lambda: any(pulse.begun for pulse in beat.read(run / beat.STAGING)), "a sample under way")
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    while process.poll() is None:  # two that come at once are taken for one
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 130
    assert "Traceback" not in err, err
    assert leftovers(run) == []


@pytest.mark.parametrize(("engine", "shards"), [("engine.workers=2", 2), ("engine=serial", 1)])
def test_the_first_key_press_finishes_the_shards_under_way(
    engine: str, shards: int, command: Command, plugin: Plugin
) -> None:
    run = command.folder / "run"
    arguments = ["n=4000", "shard_size=30", engine, "hydra.run.dir=run"]
    process = command.start(*plugin.arguments(seconds=0.02), *arguments)
    staging = run / beat.STAGING
    until(lambda: sum(p.begun > 3 for p in beat.read(staging)) == shards, "shards under way")
    under_way = {pulse.shard for pulse in beat.read(staging)}
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert "SIGINT: ending with the shards under way; Ctrl-C again drops them" in err
    assert under_way <= {int(path.name) for path in run.glob("dataset/[0-9]*")}
    assert leftovers(run) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "seconds"),
    [("engine.workers=2", 0.3), ("engine=queue", 1000), ("engine=serial", 0.3)]
    + [("engine=serial", 1000)],
)
def test_a_scheduler_waits_five_seconds(
    engine: str, seconds: float, command: Command, plugin: Plugin
) -> None:
    run = command.folder / "run"
    arguments = ["n=400", "shard_size=200", engine, "hydra.run.dir=run"]
    process = command.start(*plugin.arguments(seconds=seconds), *arguments)
    until(lambda: any(p.begun for p in beat.read(run / beat.STAGING)), "a sample under way")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=90)  # it would take a minute
    assert process.returncode == 130, err
    assert "stopped by SIGTERM" in err or (engine == "engine=serial" and "interrupted" in err)
    assert "Traceback" not in err, err
    assert list(run.glob("dataset/[0-9]*")) == []
    assert leftovers(run) == []
    until(lambda: not group(process), "no worker left")
    assert [name for name in os.listdir("/dev/shm") if f"loky-{process.pid}-" in name] == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_last_shard_ends_the_run_after_it(
    number: int, command: Command, plugin: Plugin
) -> None:
    """And not after the report, the card and the exports, which may take long."""
    gate, run = command.folder / "gate", command.folder / "run"
    arguments = [*plugin.arguments(waits=[4], gate=gate), "n=5", "hydra.run.dir=run"]
    process = command.start(*arguments, "engine.workers=1")
    until(lambda: any(p.index == 4 for p in beat.read(run / beat.STAGING)), "the last sample")
    os.kill(process.pid, number)
    assert process.stderr is not None
    assert "ending with the shards under way" in process.stderr.readline()
    gate.touch()
    _, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert f"stopped by {signal.Signals(number).name} after 5 of 5 images" in err
    assert json.loads((run / "run.json").read_text())["status"] == "complete"
    assert not (run / "report.html").exists()
    assert command("resume", "run", "plugins=[faulty]").returncode == 0
    assert (run / "report.html").exists()
