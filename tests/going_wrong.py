"""A plugin primitive that goes wrong when it is told to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import configs
import yaml
from processes import leftovers

from synthdata.api import config
from synthdata.config import Config
from synthdata.run import Run
from synthdata.run.verify import verify

FAULTY = '''
"""A primitive that goes wrong on purpose, at the samples whose indices it is told."""

import dataclasses
import itertools
import os
import signal
import sys
import threading
import time

import numpy as np

from synthdata.primitives import Primitive
from synthdata.scene import Mark, Style


@dataclasses.dataclass(frozen=True, kw_only=True)
class Faulty(Primitive):
    at: tuple[int, ...] = ()
    how: str = "raise"
    seconds: float = 0.0
    once: str = ""  # begins the name of a file for each sample that has gone wrong already
    unless: str = ""  # a file that says that nothing is wrong any more
    slow_if: str = ""  # a file that makes it slow
    waits: tuple[int, ...] = ()  # samples that wait until they may go on:
    gate: str = ""  # a file that lets all go on; with the index after it, as in gate.7, one

    def marks(self, draw):
        index = int(draw.geometry.bit_generator.state["state"]["counter"][2])
        if self.seconds:
            time.sleep(self.seconds)
        if self.slow_if and os.path.exists(self.slow_if):
            time.sleep(20)
        gates = (self.gate, f"{self.gate}.{index}")
        while index in self.waits and not any(map(os.path.exists, gates)):
            time.sleep(0.002)
        x = y = 4.0
        params = {"x": x, "y": y, "index": index}
        once = self.once and f"{self.once}.{index}"
        well = any(path and os.path.exists(path) for path in (once, self.unless))
        if index in self.at and not well:
            if once:
                open(once, "w").close()
            params["value"] = getattr(self, self.how)()
        box = np.array([(2.0, 2.0), (6.0, 2.0), (6.0, 6.0), (2.0, 6.0), (2.0, 2.0)])
        style = Style(stroke=None, fill=(index % 256, 0, 0))
        return [Mark("dot", box, None, style, params, (), (2.0, 2.0, 6.0, 6.0))]

    def not_a_number(self):
        return float("nan")

    def throw(self):
        raise ValueError("this sample is not to be")

    def array(self):
        return np.zeros(3)  # not plain data

    def surrogate(self):
        return "\\ud800"  # no UTF-8 for it

    def sys_exit(self):
        sys.exit(0)

    def unprintable(self):
        class Unprintable(Exception):
            def __str__(self):
                raise RuntimeError("no words for it")

        raise Unprintable

    def os_exit(self):
        os._exit(7)

    def kill(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def kill_later(self):
        def wait():
            while not os.path.exists(self.gate):
                time.sleep(0.002)
            os.kill(os.getpid(), signal.SIGKILL)

        threading.Thread(target=wait, daemon=True).start()

    def segfault(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    def bad_pointer(self):
        import ctypes

        ctypes.string_at(8)

    def abort(self):
        os.abort()

    def bus(self):
        import mmap
        import tempfile

        with tempfile.TemporaryFile() as file:
            file.truncate(4096)
            with mmap.mmap(file.fileno(), 4096) as memory:
                file.truncate(0)
                memory[0]

    def panic(self):
        class PanicException(BaseException):
            pass

        raise PanicException("in a library")

    def generator_exit(self):
        raise GeneratorExit

    def key_press(self):
        raise KeyboardInterrupt

    def hang(self):
        while True:
            pass

    def doze(self):
        time.sleep(3600)

    def hold_the_interpreter(self):
        return sum(itertools.repeat(0))  # C code that looks at no signal

    def disarm(self):
        signal.setitimer(signal.ITIMER_REAL, 0)
        time.sleep(3600)

    def unhandle(self):
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        time.sleep(3600)

    def devour(self):
        eaten = []
        while True:
            eaten.append(bytearray(10**7))
'''


class Plugin(NamedTuple):
    """A plugin module with a config folder, as a user would have them."""

    folder: Path

    def overrides(self, **fields: object) -> list[str]:
        """The overrides that draw with it."""
        settings = [f"primitives.faulty.{k}={_text(v)}" for k, v in fields.items()]
        return ["plugins=[faulty]", "primitives=faulty", "canvas.size=[8,8]", *settings]

    def arguments(self, **fields: object) -> list[str]:
        """As ``overrides``, for the command line."""
        return [f"--config-dir={self.folder / 'conf'}", *self.overrides(**fields)]


def _text(value: object) -> str:
    return str(value).replace(" ", "")


def write_plugin(folder: Path) -> Plugin:
    """Put the plugin ``faulty`` and its config group into ``folder``."""
    (folder / "faulty.py").write_text(FAULTY)
    options = folder / "conf" / "primitives"
    options.mkdir(parents=True)
    (options / "faulty.yaml").write_text(
        "# @package primitives.faulty\n_target_: faulty.Faulty\n"
        "at: []\nhow: throw\nseconds: 0.0\nonce: ''\nunless: ''\nslow_if: ''\n"
        "waits: []\ngate: ''\n"
    )
    return Plugin(folder)


ENGINES = ["engine=serial", "engine.workers=2"]


def configured(plugin: Plugin, *overrides: str, **fields: object) -> Config:
    """The config of a run with the plugin; its folder has to be on Python's path."""
    if any("_target_" in override for override in overrides):  # other plugins
        every = [*plugin.overrides(**fields), *overrides]
        return config(every, config_dir=plugin.folder / "conf")
    options = yaml.safe_load((plugin.folder / "conf" / "primitives" / "faulty.yaml").read_text())
    options |= {k: str(v) if isinstance(v, Path) else v for k, v in fields.items()}
    composed = configs.node(["canvas.size=[8,8]", *overrides])
    changed = {"primitives": {"faulty": options}, "plugins": ["faulty"]}
    return Config.from_mapping(composed | changed, ["faulty"])


def make(plugin: Plugin, run: Path, *overrides: str, **fields: object) -> Run:
    return Run(run, configured(plugin, *overrides, **fields)).execute()


def rows(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "failures.jsonl").read_text().splitlines()]


def indices(run: Run) -> list[int]:
    return [record["index"] for record in run.records()]


def check(run: Run, n: int, failed: list[int]) -> None:
    """What failed is in failures.jsonl, all the rest is in the data set, whole."""
    assert [row["index"] for row in rows(run.path)] == failed
    assert indices(run) == [i for i in range(n) if i not in failed]
    assert (run.state["made"], run.state["failed"]) == (n - len(failed), len(failed))
    assert run.state["status"] == "complete"
    assert leftovers(run.path) == []
    verdict = verify(run, 3, seed=0)
    assert [f for f in verdict.faults if "made again" not in f] == []
