"""A disk without room: exit code 5, whole shards, and on it goes when there is room again."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from configs import config
from processes import Command, leftovers

from synthdata.errors import DiskFull, StorageError
from synthdata.run import Run
from synthdata.run.verify import verify

CONFIG = ["canvas.size=[64,48]", "shard_size=10", "seed=2"]


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own, in memory; the test is skipped where that is not allowed."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small tmpfs takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    with mounted(tmp_path / "disk", "size=1m") as folder:
        yield folder


def whole_shards(run: Path) -> int:
    count = 0
    for shard in run.glob("dataset/[0-9]*"):
        lines = (shard / "metadata.jsonl").read_text().splitlines()
        assert len(lines) == 10
        for line in lines:
            assert (shard / json.loads(line)["file_name"]).stat().st_size > 0
        count += 1
    return count


#: The command line, where the estimate before the first shard says that all is well.
UNAWARE = """
import sys
from synthdata.cli.main import main
from synthdata.run import room
room.check = lambda *_: None
raise SystemExit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_what_cannot_fit_is_refused_before_it_begins(small_disk: Path, command: Command) -> None:
    run = small_disk / "new" / "run"
    first = command(*CONFIG, "n=4000", "engine.workers=2", f"hydra.run.dir={run}")
    assert first.returncode == 5, first.stderr
    assert re.fullmatch(
        r"synthdata: .*4,000 images take about \S+ GB \(\S+ kB each\), and the disk has .*\n",
        first.stderr,
    )
    assert list(small_disk.iterdir()) == []
    sweep = [f"hydra.sweep.dir={small_disk}", "seed=0,1"]
    swept = command("-m", *CONFIG, "n=4000", "engine=serial", *sweep)
    assert swept.returncode == 5, swept.stderr
    assert swept.stderr.count("images take about") == len(swept.stderr.splitlines()) == 2
    assert not list(small_disk.glob("*/*"))


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["engine.workers=2", "engine=serial"])
def test_a_disk_that_fills_up(engine: str, small_disk: Path, command: Command) -> None:
    run = small_disk / "run"
    n = 400
    process = command.python("-c", UNAWARE, *CONFIG, f"n={n}", engine, f"hydra.run.dir={run}")
    _, err = process.communicate(timeout=90)
    assert process.returncode == 5, err
    assert "Traceback" not in err
    assert "no room left on the disk" in err
    assert f"python -m synthdata resume {run}" in err
    done = whole_shards(run)
    assert 0 < done < n / 10
    assert leftovers(run) == []
    assert json.loads((run / "run.json").read_text())["status"] == "failed"

    again = command("resume", str(run))  # still no room
    assert again.returncode == 5, again.stderr
    assert "Traceback" not in again.stderr
    assert whole_shards(run) >= done

    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    last = command("resume", str(run))
    assert last.returncode == 0, last.stderr
    assert whole_shards(run) == n / 10
    assert verify(Run.load(run), 5).faults == []
    assert leftovers(run) == []
    fresh = Run(command.folder / "fresh", config([*CONFIG, f"n={n}", "engine=serial"])).execute()
    assert Run.load(run).state["digest"] == fresh.state["digest"]


def test_a_disk_with_no_room_at_all(small_disk: Path, command: Command) -> None:
    with open(small_disk / "ballast", "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
    result = command(*CONFIG, "n=20", f"hydra.run.dir={small_disk / 'run'}")
    assert result.returncode == 5, result.stderr
    assert "Traceback" not in result.stderr
    assert "room" in result.stderr


@pytest.mark.parametrize(
    ("after", "number"),
    [
        *((after, errno.ENOSPC) for after in (0, 1, 7, 25, 43)),
        *((7, errno.EDQUOT), (0, errno.EIO), (25, errno.EIO)),
    ],
)
def test_a_write_that_is_refused(
    number: int, after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of a run's writes it is."""
    write, left = os.write, [after]

    def refuse(descriptor: int, data: bytes) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(number, os.strerror(number))
        return write(descriptor, data)

    made = config([*CONFIG, "n=40", "engine=serial"])
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        kind = StorageError if number == errno.EIO else DiskFull
        with pytest.raises(kind) as caught:
            Run(tmp_path / "run", made).execute()
        assert os.strerror(number) in str(caught.value)
        assert type(caught.value) is kind
    assert whole_shards(tmp_path / "run") == after // 11
    assert leftovers(tmp_path / "run") == []
    assert not (tmp_path / "run" / "failures.jsonl").exists(), "no fault of a sample"
    run = Run(tmp_path / "run", made).execute()
    assert verify(run, 40).faults == []


def test_a_write_that_takes_a_part_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a signal or a network file system may do."""
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:100]))
    run = Run(tmp_path / "run", config([*CONFIG, "n=3", "engine=serial"])).execute()
    assert verify(run, 3).faults == []


@pytest.mark.parametrize("step", ["rename", "mkdir"])
def test_a_folder_that_is_refused(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = config([*CONFIG, "n=40", "engine=serial"])
    real = getattr(os, step)

    def refuse(*args: object, **kwargs: object) -> None:
        if ".staging/00002" in str(args[0]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, step, refuse)
        with pytest.raises(DiskFull):
            Run(tmp_path / "run", made).execute()
    assert whole_shards(tmp_path / "run") == 2
    assert leftovers(tmp_path / "run") == []
    assert verify(Run(tmp_path / "run", made).execute(), 4).faults == []


def test_files_that_cannot_fit_are_refused_too(tmp_path: Path, command: Command) -> None:
    with mounted(tmp_path / "disk", "size=64m,nr_inodes=100") as folder:
        refused = command(*CONFIG, "n=200", "engine=serial", f"hydra.run.dir={folder / 'run'}")
        assert refused.returncode == 5, refused.stderr
        assert "200 images take 200 files, and the disk has room for" in refused.stderr
        assert list(folder.iterdir()) == []
