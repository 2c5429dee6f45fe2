"""The tests' quick way to a config gives what the package's own gives."""

from __future__ import annotations

import pytest
from configs import config
from going_wrong import Plugin, configured

from synthdata import api
from synthdata.errors import ConfigError

FULL = [
    "canvas.background=[white,black,red]",
    "effects=[perspective,blur]",
    "labels=[marks]",
]


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        [*FULL, "n=60", "shard_size=7", "engine=serial", "seed=5", "canvas.size=[40,30]"],
        ["engine=queue", "engine.workers=2", "engine.memory_limit=1GB", "failures.max_rate=null"],
        ["failures.max_rate=1", "failures.max_rate=0.25", "report=null", "encoder.level=3"],
        ["primitives=[lines,circles]", "primitives.lines.width=3", "primitives.lines.color=red"],
        ["primitives.lines.width={dist: uniform, low: 1, high: 2}", "primitives.lines.cap=butt"],
        ["encoder=jpeg", "encoder.quality=80", "primitives.lines.color=['#123456']"],
        ["recipe=dsprites", "axes.filter.shape=[square]", "n=737280"],
    ],
    ids=lambda overrides: " ".join(overrides)[:40],
)
def test_both_ways_are_one(overrides: list[str]) -> None:
    quick, slow = config(overrides), api.config(overrides)
    assert quick == slow
    assert quick.to_yaml() == slow.to_yaml()
    assert quick.fingerprint == slow.fingerprint


def test_with_a_plugin(faulty: Plugin) -> None:
    options = ["n=20", "shard_size=5", "engine.workers=2", "failures.max_rate=1"]
    quick = configured(faulty, *options, at=[1, 2], how="kill", once=faulty.folder / "once")
    overrides = [*faulty.overrides(at=[1, 2], how="kill", once=faulty.folder / "once"), *options]
    slow = api.config(overrides, config_dir=faulty.folder / "conf")
    assert quick == slow
    assert quick.to_yaml() == slow.to_yaml()
    assert quick.fingerprint == slow.fingerprint


@pytest.mark.parametrize("override", ["n=0", "nothing=3", "canvas.sise=3", "seed=-1"])
def test_what_cannot_be_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=override.partition("=")[0]):
        config([override])
