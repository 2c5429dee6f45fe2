"""The shipped options of a group, composed once for all tests.

That each option composes alone as well, and to the same, is tested in ``test_compose``.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

from synthdata.api import sample_config
from synthdata.compose import conf_dir
from synthdata.sample_config import SampleConfig

PRIMITIVES = sorted(p.stem for p in (conf_dir() / "primitives").glob("*.yaml"))
EFFECTS = sorted(p.stem for p in (conf_dir() / "effects").glob("*.yaml"))


@functools.cache
def _all(group: str) -> SampleConfig:
    names = PRIMITIVES if group == "primitives" else EFFECTS
    return sample_config([f"{group}=[{','.join(names)}]"])


def only(group: str, name: str, size: tuple[int, int] = (512, 512), **fields: Any) -> SampleConfig:
    """The default config, but for one of the ``primitives`` or ``effects``, and the size."""
    config = _all(group)
    chosen = {group: {name: getattr(config, group)[name]}}
    return replace(config, canvas=replace(config.canvas, size=size), **chosen, **fields)
