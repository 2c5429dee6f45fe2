"""Programs, timed in turns, so that a slow minute of the machine hits them all."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.place import make_folder

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "scripts" / "bench.py"
WARM_UP = 50  # images


class Timing(NamedTuple):
    """How long ``images`` took: seconds by the clock, and seconds of processor time of all
    processes together (of a mean one, where several each made ``images``)."""

    wall: float
    cpu: float
    images: int


Turn = Mapping[str, Timing]  # one repetition: the timing of each program


class BenchError(Exception):
    """A program did not do what it is measured for."""


class Program(ABC):
    """Something that can be run again and again."""

    name: str

    @abstractmethod
    def warm_up(self) -> None:
        """A short run that is not counted."""

    @abstractmethod
    def run(self) -> Timing:
        """One run."""

    def close(self) -> None:  # noqa: B027 (most have nothing to end)
        """End what is still running."""


class Whole(Program):
    """A command from its start to its end, which writes files into a folder that is then removed.

    ``command`` gets the folder and the number of images. ``suffix`` is that of the files that are
    counted, or None for a command that writes none; ``checkout`` holds the code that is run.
    """

    def __init__(
        self,
        name: str,
        images: int,
        command: Callable[[Path, int], Sequence[str]],
        root: Path,
        suffix: str | None = None,
        checkout: Path = ROOT,
    ) -> None:
        self.name, self._images, self._command = name, images, command
        self._root, self._suffix, self._checkout = root, suffix, checkout

    def warm_up(self) -> None:
        self._time(min(self._images, WARM_UP))

    def run(self) -> Timing:
        return self._time(self._images)

    def _time(self, images: int) -> Timing:
        folder = make_folder(self._root)
        with tempfile.TemporaryFile(dir=self._root) as errors:
            begun = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, *self._command(folder, images)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=self._checkout,
                env=environment(self._checkout),
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begun
            process.returncode = os.waitstatus_to_exitcode(status)
            errors.seek(0)
            tail = errors.read().decode(errors="replace")[-2000:]
        written = images
        if self._suffix is not None:
            written = sum(1 for _ in folder.rglob(f"*{self._suffix}"))
        shutil.rmtree(folder)
        if process.returncode or written != images:
            raise BenchError(
                f"{self.name}: exit code {process.returncode}, {written} of {images} images\n{tail}"
            )
        return Timing(wall, usage.ru_utime + usage.ru_stime, images)


class Loop(Program):
    """``processes`` processes that run the same loop at the same time, each for ``images`` images.

    Their start is not counted: they are kept, and wait between turns. Times are means over them.
    """

    def __init__(self, name: str, images: int, loop: str, root: Path, processes: int = 1) -> None:
        self.name, self._images, self._loop = name, images, loop
        self._root, self._processes = root, processes
        self._children: list[subprocess.Popen[str]] = []

    def warm_up(self) -> None:
        for _ in range(self._processes):
            self._children.append(
                subprocess.Popen(
                    [sys.executable, str(BENCH), "--child", "loop", self._loop, str(self._root)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=ROOT,
                    env=environment(),
                )
            )
        self._time(min(self._images, WARM_UP))

    def run(self) -> Timing:
        return self._time(self._images)

    def _time(self, images: int) -> Timing:
        for child in self._children:
            assert child.stdin is not None
            child.stdin.write(f"go {images}\n")
            child.stdin.flush()
        answers: list[dict[str, Any]] = []
        for child in self._children:
            assert child.stdout is not None
            line = child.stdout.readline()
            if not line:
                raise BenchError(f"{self.name}: ended with exit code {child.wait()}")
            answers.append(json.loads(line))
        if any(answer["images"] != images for answer in answers):
            raise BenchError(f"{self.name}: did not make {images} images: {answers}")
        count = len(answers)
        wall, cpu = sum(a["wall"] for a in answers), sum(a["cpu"] for a in answers)
        return Timing(wall / count, cpu / count, images)

    def close(self) -> None:
        for child in self._children:
            assert child.stdin is not None
            child.stdin.close()
        for child in self._children:
            child.wait(timeout=60)
        self._children.clear()


def environment(checkout: Path = ROOT) -> dict[str, str]:
    """The environment of all programs: their checkout first on the path."""
    path = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{checkout}{os.pathsep}{path}" if path else str(checkout)}


def checked_out(revision: str, root: Path) -> Path:
    """A folder in ``root`` with the files of one of the repository's commits."""
    folder = make_folder(root)
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", "--format=tar", revision],
        capture_output=True,
        check=False,
    )
    if archive.returncode:
        raise BenchError(f"--before {revision}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def take_turns(
    programs: Sequence[Program], repetitions: int, tell: Callable[[str], None]
) -> list[Turn]:
    """Run A B C, A B C, ... after a warm-up of each; the timings of every repetition."""
    turns: list[Turn] = []
    try:
        for program in programs:
            program.warm_up()
        for repetition in range(repetitions):
            turn = {}
            for program in programs:
                tell(f"{repetition + 1}/{repetitions} {program.name}")
                turn[program.name] = program.run()
            turns.append(turn)
    finally:
        for program in programs:
            program.close()
    return turns
