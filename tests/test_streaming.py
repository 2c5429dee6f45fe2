"""Batches in shared memory: the samples that a generator makes, whatever happens to workers."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from going_wrong import Plugin
from processes import descendants, environment, until

import synthdata
from synthdata.api import sample_config
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.streaming import Batch, SampleError, stream

TINY = ["canvas.size=[20,16]", "primitives.lines.count=2"]


def test_the_samples_of_a_generator(tmp_path: Path) -> None:
    generator = Generator(sample_config([*TINY, "labels=[marks,instance_mask]"]))
    before = descendants(os.getpid())
    seen = []
    for batch in stream(generator.config, 10, workers=2, start=7, n=44):
        samples = [generator[i] for i in batch.indices]
        assert batch.images.dtype == np.uint8
        assert batch.images.tolist() == [s.image.tolist() for s in samples]
        assert batch.records == [s.record for s in samples]
        for name in samples[0].masks:
            assert batch.masks[name].tolist() == [s.masks[name].tolist() for s in samples]
        assert len(batch) == len(batch.indices)
        seen += batch.indices
    assert seen == list(range(7, 44))
    assert descendants(os.getpid()) <= before


def test_the_samples_of_a_dataset() -> None:
    """Any part of one, with its label images."""
    data = synthdata.Dataset.from_config([*TINY, "labels=[marks,instance_mask,clean]"], n=30)[::-3]
    (batch,) = stream(data, 16, workers=1)
    samples = list(data)
    assert batch.records == [sample["record"] for sample in samples]
    assert set(batch.masks) == {"mask", "clean"}
    for name, images in {"image": batch.images, **batch.masks}.items():
        assert images.tolist() == [sample[name].tolist() for sample in samples]


def test_grey_and_endless_and_overrides() -> None:
    endless = synthdata.stream([*TINY, "canvas.mode=grey"], batch_size=5, workers=1, ahead=1)
    batches = [(b.indices, b.images.shape, b.images.base is not None) for b in islice(endless, 4)]
    endless.close()  # type: ignore[attr-defined]
    assert batches == [(range(k, k + 5), (5, 16, 20), True) for k in (0, 5, 10, 15)]


def test_views_are_drawn_over_and_copies_are_not() -> None:
    for copy in (False, True):
        batches = [b.images for b in stream(TINY, 4, 1, n=40, ahead=1, copy=copy)]
        kept = len({images.tobytes() for images in batches})
        assert kept == (10 if copy else 2)  # the views share as many places
        assert len({id(images.base) for images in batches}) >= 1
        if not copy:
            assert np.shares_memory(batches[0], batches[2])


class Source:
    """Something else with samples by index."""

    def __len__(self) -> int:
        return 21

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"image": np.full((3, 5), index, np.uint8), "record": {"index": index}}


def test_anything_with_samples() -> None:
    batches = [(b.images[:, 0, 0].tolist(), b.records[0]) for b in stream(Source(), 8, 2)]
    assert [first for first, _ in batches] == [list(range(8)), list(range(8, 16)), [*range(16, 21)]]
    assert batches[2][1] == {"index": 16}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"batch_size": 0}, "batch_size: 0"),
        ({"workers": 0}, "workers: 0"),
        ({"workers": 5000}, "workers"),
        ({"start": -1}, "start: -1"),
        ({"n": 1.5}, r"n: 1\.5"),
        ({"ahead": 0}, "ahead: 0"),
        ({"config": 5}, "config: 5"),
        ({"config": [b"x"]}, "."),
        ({"config": ["primitives=nonsense"]}, "nonsense"),
        ({"config": {0: {"image": np.zeros((2, 2))}}}, "float64"),
        ({"config": {}}, "'image'"),
    ],
)
def test_arguments_that_cannot_be(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises((ConfigError, TypeError), match=words):
        stream(**({"config": TINY} | arguments))


def test_nothing_to_do() -> None:
    assert list(stream(TINY, n=0)) == []
    assert list(stream(TINY, start=5, n=5)) == []


def config_of(faulty: Plugin, **fields: Any) -> Any:
    from synthdata.api import config

    return config(faulty.overrides(**fields), config_dir=faulty.folder / "conf")


def test_a_sample_that_raises_names_itself(faulty: Plugin) -> None:
    batches = stream(config_of(faulty, at=[21], how="throw"), 8, workers=2)
    before = descendants(os.getpid())
    with pytest.raises(SampleError, match="sample 21: ValueError: this sample is not") as caught:
        list(batches)
    assert caught.value.index == 21
    assert "in throw" in caught.value.traceback
    assert descendants(os.getpid()) <= before


def test_a_sample_that_kills_names_itself(faulty: Plugin) -> None:
    batches = stream(config_of(faulty, at=[11], how="kill"), 8, workers=2)
    assert next(batches).indices == range(8)
    with pytest.raises(SampleError, match="sample 11: worker ended by SIGKILL") as caught:
        next(batches)
    assert caught.value.index == 11


def test_killed_workers_change_nothing() -> None:
    generator = Generator(sample_config(TINY))
    before = descendants(os.getpid())
    for k, batch in enumerate(stream(TINY, 16, workers=2, n=400)):
        assert batch.images.tolist() == [generator[i].image.tolist() for i in batch.indices]
        if k in (3, 11):
            victim = max(descendants(os.getpid()) - before, default=None)
            if victim is not None:
                os.kill(victim, signal.SIGKILL)


MAIN = """
from dataclasses import dataclass

import synthdata
from synthdata import geometry, primitives
from synthdata.engines import Loky, Queue, Serial
from synthdata.errors import ConfigError

@dataclass(frozen=True, kw_only=True)
class Bars(primitives.Shape):
    category = "bar"

    def outline(self, params, draw):
        return primitives.Outline(*geometry.polyline([(0, -9), (0, 9)]))

if __name__ == "__main__":
    for engine in (Loky(workers=2), Queue(workers=2)):
        config = synthdata.Config(primitives={"bars": Bars()}, n=8, engine=engine)
        try:
            synthdata.Run("never", config).execute()
        except ConfigError as error:
            assert "put them into a module, or use engine=serial" in str(error)
        else:
            raise AssertionError
    config = synthdata.Config(primitives={"bars": Bars()}, n=8, engine=Serial())
    records = list(synthdata.Run("made", config).execute().records())
    for data in (config, synthdata.Dataset.from_config(config)):
        for batch in synthdata.stream(data, 4, workers=2, n=8):
            for index, record in zip(batch.indices, batch.records):
                assert record["marks"] == records[index]["marks"]
"""


def test_classes_of_the_main_program_are_found_or_refused(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(MAIN)
    done = subprocess.run(
        [sys.executable, "program.py"],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "never").exists()


ENDS = """
import os, signal, synthdata
batches = synthdata.stream({tiny!r}, 4, workers=2)
next(batches)
print(*open(f"/proc/{{os.getpid()}}/task/{{os.getpid()}}/children").read().split(), flush=True)
{end}
"""


@pytest.mark.parametrize(
    "end", ["pass", "1 / 0", "batches.close()", "os.kill(os.getpid(), signal.SIGKILL)"]
)
def test_no_end_leaves_a_process(tmp_path: Path, end: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS.format(tiny=TINY, end=end)],  # no __main__ guard is needed
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert end == "1 / 0" or done.stderr == ""
    workers = [int(pid) for pid in done.stdout.split()]
    assert len(workers) == 2
    until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in workers), "their end")
    assert not [p for p in Path("/dev/shm").iterdir() if "synthdata-queue" in p.name]


def test_masks_of_large_images_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthdata.streaming.RESULTS", 4096)  # as if they were much larger
    config = ["primitives=lines", "canvas.size=[128,128]", "labels=[instance_mask,semantic_mask]"]
    (batch,) = stream(config, 8, 1, n=8)
    assert batch.masks["mask"].shape == (8, 128, 128)


def test_a_batch_takes_no_more_room_than_the_stream_has_samples() -> None:
    (batch,) = stream(["primitives=lines", "canvas.size=[64,64]"], 1 << 40, 1, n=3)
    assert len(batch) == 3


@pytest.mark.parametrize("other", [{}, {"m": np.zeros((2, 3))}, {"m": np.zeros((2, 2)), "k": 1.0}])
def test_masks_that_do_not_fit_on_each_other(other: dict[str, Any]) -> None:
    """Which sample is first in a batch decides nothing of what is in it."""
    masks = {"m": np.zeros((2, 2))}, {name: np.asarray(image) for name, image in other.items()}
    for order in ([0, 1], [1, 0]):
        rest = pickle.dumps([({}, masks[k]) for k in order])
        with pytest.raises(ConfigError, match=r"masks: sample 8 has .*, and sample 7"):
            _ = Batch(range(7, 9), np.zeros((2, 2, 2), np.uint8), [rest]).masks
