"""A plugin primitive that goes wrong when it is told to."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

FAULTY = '''
"""A primitive that goes wrong on purpose, at the samples whose indices it is told."""

import dataclasses
import os
import signal
import sys
import time

import numpy as np

from synthdata.primitives import Primitive
from synthdata.scene import Mark, Style


@dataclasses.dataclass(frozen=True, kw_only=True)
class Faulty(Primitive):
    at: tuple[int, ...] = ()
    how: str = "raise"
    seconds: float = 0.0
    once: str = ""  # a file that says that it has gone wrong already

    def marks(self, draw):
        index = int(draw.geometry.bit_generator.state["state"]["counter"][2])
        if self.seconds:
            time.sleep(self.seconds)
        x = y = 4.0
        params = {"x": x, "y": y, "index": index}
        if index in self.at and not (self.once and os.path.exists(self.once)):
            if self.once:
                open(self.once, "w").close()
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

    def segfault(self):
        os.kill(os.getpid(), signal.SIGSEGV)
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
        "at: []\nhow: throw\nseconds: 0.0\nonce: ''\n"
    )
    return Plugin(folder)
