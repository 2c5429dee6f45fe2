"""One process at a time in a run directory, whatever became of the last one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from processes import Command

from synthdata.errors import ConfigError
from synthdata.run.lock import LOCK, check_free, locked

HOLD = """
import signal, sys
from pathlib import Path
from synthdata.run.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


def holder(command: Command, run: Path) -> subprocess.Popen[str]:
    """A second process that holds the run directory until it is killed."""
    process = command.python("-c", HOLD, str(run))
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n", process.communicate()
    return process


def test_a_second_process_is_refused_by_name(command: Command, tmp_path: Path) -> None:
    process = holder(command, tmp_path)
    for attempt in (lambda: check_free(tmp_path), lambda: locked(tmp_path).__enter__()):
        with pytest.raises(ConfigError, match=f"process {process.pid} on .* since") as caught:
            attempt()
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_dead_process_is_taken_over(
    command: Command, tmp_path: Path, number: int
) -> None:
    process = holder(command, tmp_path)
    process.send_signal(number)
    process.wait()
    assert (tmp_path / LOCK).exists()
    check_free(tmp_path)
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert not (tmp_path / LOCK).exists()


def test_the_lock_goes_when_the_block_ends(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert (tmp_path / LOCK).exists()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError), locked(tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_not_even_the_same_process_gets_it_twice(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(ConfigError, match=f"process {os.getpid()}"),
        locked(tmp_path),
    ):
        pass


def test_what_is_left_in_the_file_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("x" * 1000)
    check_free(tmp_path)
    with locked(tmp_path):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()


def test_a_holder_that_has_not_said_who_it_is(command: Command, tmp_path: Path) -> None:
    holder(command, tmp_path)
    (tmp_path / LOCK).write_text("")
    with pytest.raises(ConfigError, match="in use by another process"):
        check_free(tmp_path)


def test_only_one_of_many_threads_is_in(tmp_path: Path) -> None:
    """Taking and leaving the lock at the same time: it is unlinked while others open it."""
    inside, most, entered, refused = [0], [0], [0], [0]
    guard = threading.Lock()

    def work() -> None:
        for _ in range(150):
            try:
                with locked(tmp_path):
                    with guard:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                        entered[0] += 1
                    with guard:
                        inside[0] -= 1
            except ConfigError:
                refused[0] += 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
    assert entered[0] + refused[0] == 900
    assert entered[0] > 0


@pytest.mark.parametrize("where", ["/dev/null", "/dev/null/inside", "/proc/nowhere/inside"])
def test_places_without_a_lock_are_free(where: str) -> None:
    check_free(Path(where))


@pytest.mark.parametrize("name", [LOCK, "exports", "synthdata.log", "failures.jsonl"])
def test_nothing_is_written_through_links(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").write_text("all that I have")
    run = tmp_path / "run"
    run.mkdir()
    (run / name).symlink_to(tmp_path / "mine")
    with pytest.raises(ConfigError, match="is a symbolic link"), locked(run):
        pass
    assert (tmp_path / "mine").read_text() == "all that I have"
    assert os.listdir(run) == [name]


def test_shards_may_lie_on_another_disk(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "dataset").symlink_to(tmp_path)
    with locked(tmp_path / "run"):
        pass
