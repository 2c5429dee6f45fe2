"""stdout and stderr that are closed, full or no longer read, for every command."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from processes import ROOT, Command, environment, leftovers

import synthdata
from synthdata.run import Run

TINY = ["canvas.size=[32,24]", "primitives.lines.count=2", "engine=serial", "n=3"]
COMMANDS = {
    "generate": [*TINY, "hydra.run.dir=new"],
    "sweep": ["-m", *TINY, "seed=0,1", "hydra.sweep.dir=new"],
    "damaged": ["verify", "damaged"],  # exit code 1
    "export": ["export", "run", "coco", "-o", "exported"],
    "show": ["show", *TINY, "-k", "1"],
    "command help": ["verify", "--help"],
    "hydra": ["--cfg", "job", *TINY],
    "refused": ["n=no"],  # exit code 2
}
FULL = "synthdata: stdout: cannot be written: No space left on device\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    for name in ("run", "damaged"):
        synthdata.generate(TINY, folder / name)
    next((folder / "damaged").glob("dataset/*/*.png")).write_bytes(b"")
    return folder


@pytest.fixture(params=COMMANDS)
def arguments(request: pytest.FixtureRequest, folder: Path) -> Iterator[Sequence[str]]:
    yield COMMANDS[request.param]
    subprocess.run(["rm", "-rf", folder / "new", folder / "exported"], check=True)


def shell(
    folder: Path, arguments: Sequence[str], redirection: str
) -> subprocess.CompletedProcess[str]:
    """A command as bash starts it; what comes of its exit code through a pipe too."""
    words = shlex.join([sys.executable, "-m", "synthdata", *arguments])
    return subprocess.run(
        ["bash", "-c", f"{words} {redirection}; exit ${{PIPESTATUS[0]}}"],
        cwd=folder,
        env=environment() | {"PYTHONUNBUFFERED": ""},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def expected_code(arguments: Sequence[str]) -> int:
    return {"damaged": 1, "n=no": 2}.get(arguments[-1], 0)


def check_complete(folder: Path) -> None:
    """What the commands that make runs have made is whole whatever became of their words."""
    for path in (folder / "new").rglob("run.json"):
        assert Run.load(path.parent).state["status"] == "complete"
        assert leftovers(path.parent) == []


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_fault(arguments: Sequence[str], folder: Path) -> None:
    done = shell(folder, arguments, "| true")
    code = expected_code(arguments)
    assert done.returncode == code
    assert done.stderr.count("\n") == (code == 2)
    check_complete(folder)


@pytest.mark.slow
def test_a_full_stdout_is_one_sentence(arguments: Sequence[str], folder: Path) -> None:
    done = shell(folder, arguments, "> /dev/full")
    code = expected_code(arguments)
    assert done.returncode == (code or 5)
    if code < 2:
        assert done.stderr == FULL
    check_complete(folder)


@pytest.mark.slow
def test_streams_that_are_closed(arguments: Sequence[str], folder: Path) -> None:
    done = shell(folder, arguments, "<&- >&- 2>&-")
    assert done.returncode == expected_code(arguments)
    check_complete(folder)


def test_one_of_each(folder: Path) -> None:
    """The fast part of the tests above."""
    assert shell(folder, ["--version"], "| true").returncode == 0
    full = shell(folder, ["verify", "run"], "> /dev/full")
    assert (full.returncode, full.stderr) == (5, FULL)
    assert shell(folder, ["verify", "damaged"], ">&- 2>&-").returncode == 1
    for redirection in ("2>&-", "2> /dev/full"):
        done = shell(folder, ["verify", "run"], redirection)
        assert (done.returncode, done.stderr) == (0, "")
        assert "all as recorded" in done.stdout


@pytest.mark.slow
def test_a_closed_descriptor_is_given_to_no_file_of_ours(tmp_path: Path) -> None:
    """What prints below Python would write into that file."""
    (tmp_path / "noisy.py").write_text(
        "import dataclasses, os\nfrom synthdata.primitives import Lines\n"
        "@dataclasses.dataclass(frozen=True)\n"
        "class Noisy(Lines):\n"
        "    def marks(self, draw):\n"
        "        os.write(1, b'clamour'); os.write(2, b'clamour')\n"
        "        return super().marks(draw)\n"
    )
    options = [*TINY[:2], "n=3", "plugins=[noisy]", "primitives.lines._target_=noisy.Noisy"]
    loud = shell(tmp_path, [*options, "engine=serial", "hydra.run.dir=loud"], "")
    assert "clamour" in loud.stdout
    for engine in ("serial", "loky"):
        arguments = [*options, f"engine={engine}", f"hydra.run.dir={engine}"]
        assert shell(tmp_path, arguments, "<&- >&- 2>&-").returncode == 0
        for file in (tmp_path / engine).rglob("*"):
            assert file.is_dir() or b"clamour" not in file.read_bytes(), file


def test_output_is_written_when_it_is_printed_to_a_terminal_or_unbuffered(tmp_path: Path) -> None:
    """Nothing stays behind in a buffer when the process is killed."""
    code = (
        "import os\nfrom synthdata.cli.streams import guarded\n"
        "def command():\n    print('word')\n    os.kill(os.getpid(), 9)\n"
        "guarded(command)\n"
    )
    done = subprocess.run(
        [sys.executable, "-u", "-c", code], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == -9
    assert done.stdout == b"word" + os.linesep.encode()


def test_letters_that_stdout_lacks_are_escapes(command: Command) -> None:
    command.environment = {"PYTHONIOENCODING": "ascii"}
    made = command(*TINY, "hydra.run.dir='\xfc'")
    assert (made.returncode, made.stderr) == (0, "")
    assert ["where", "\\xfc"] in [line.split() for line in made.stdout.splitlines()]
    assert command("ps", "\xfc").stdout == "\\xfc: nobody is at work here\n"
