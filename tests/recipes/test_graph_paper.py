"""Drawings on millimetre paper: the pair of pictures, and labels on both sides of the camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.labels import Clean, Truth
from synthdata.recipes import GraphPaper
from synthdata.run import Run
from synthdata.scene import Mark

SMALL = ["recipe=graph_paper", "canvas.size=[200,160]"]
N = 6


def paper_of(marks: tuple[Mark, ...]) -> list[Mark]:
    return [mark for mark in marks if mark.category == "graph paper"]


def test_the_clean_picture_is_that_of_the_same_config_without_a_camera() -> None:
    photographed = Generator.from_config(SMALL)
    clean = Generator.from_config([*SMALL, "effects=[]"])
    for k in range(N):
        one, other = photographed[k], clean[k]
        assert np.array_equal(one.masks["clean"], other.image)
        assert one.record["clean_marks"] == other.record["marks"]
        assert one.record["marks"] != other.record["marks"]
        assert not np.array_equal(one.image, other.image)
        assert set(one.record["effects"]) == {"camera"}


def test_labels_after_the_camera_lie_where_it_moved_them() -> None:
    overrides = [*SMALL, "labels=[marks,clean,instance_mask]", "canvas.size=[320,240]"]
    generator = Generator.from_config(overrides)
    near = []
    for k in range(N):
        sample = generator[k]
        ids = sample.masks["mask"]
        for mark in sample.record["marks"]:
            y, x = np.nonzero(ids == mark["id"])
            if mark["category"] == "graph paper" or len(x) < 200:
                continue
            left, top, width, height = mark["bbox"]
            assert x.min() >= left - 1
            assert x.max() + 1 <= left + width + 1
            assert y.min() >= top - 1
            assert y.max() + 1 <= top + height + 1
            near.append((x.min() - left, y.min() - top))
    assert len(near) > 10
    assert np.median(np.abs(near)) < 2.0


def test_lines_of_the_paper_are_printed_at_every_millimetre() -> None:
    generator = Generator.from_config(SMALL)
    colors = set()
    for k in range(N):
        scene = generator.scene(k)
        paper = paper_of(scene.marks)
        assert [mark.params["every"] for mark in paper] == [1, 5, 10]
        assert scene.marks[:3] == tuple(paper)
        widths = [mark.style.width for mark in paper]
        assert widths == sorted(widths)
        for axis, side in ((0, 200), (1, 160)):
            places = []
            for mark in paper:
                ends = mark.vertices.reshape(-1, 2, 2)
                straight = ends[ends[:, 0, axis] == ends[:, 1, axis]]
                places.extend((place, mark.params["every"]) for place in straight[:, 0, axis])
            at = np.array(sorted(places))
            step = paper[0].params["millimetre"]
            assert np.allclose(np.diff(at[:, 0]), step)
            assert at[0, 0] < step
            assert at[-1, 0] > side - step
            bold = np.flatnonzero(at[:, 1] == 10)
            assert (np.diff(bold) == 10).all()
            medium = np.flatnonzero(at[:, 1] >= 5)
            assert (np.diff(medium) == 5).all()
        colors.add(paper[0].style.stroke)
    assert len(colors) > 2


def test_figures_are_drawn_by_hand_in_several_styles() -> None:
    generator = Generator.from_config(SMALL)
    marks = [mark for k in range(20) for mark in generator.scene(k).marks[3:]]
    assert {mark.category for mark in marks} == {"rectangle", "polygon", "arc", "line"}
    assert all("hand_deviation" in mark.params for mark in marks)
    for mark in marks:
        if mark.category == "polygon":
            assert sum(name.startswith("corner") for name, _, _ in mark.keypoints) == 3
    assert len({mark.style.stroke for mark in marks}) >= 4
    assert {mark.params["dash"] for mark in marks} == {"solid", "dashed"}
    paper = paper_of(generator.scene(0).marks)
    assert not any(name.startswith("hand_") for mark in paper for name in mark.params)
    unequal = [
        m for m in marks if m.category == "arc" and m.params["radius_x"] != m.params["radius_y"]
    ]
    assert unequal  # arcs of ellipses


def test_a_run_writes_the_pair(tmp_path: Path) -> None:
    run = Run(tmp_path / "run", config([*SMALL, "n=2", "engine=serial"])).execute()
    for record in run.records():
        folder = run.path / "dataset" / "00000"
        sizes = {Image.open(folder / record[k]).size for k in ("file_name", "clean_file_name")}
        assert sizes == {(200, 160)}
        assert len(record["clean_sha256"]) == 64


def test_what_cannot_be_is_said() -> None:
    with pytest.raises(ConfigError, match=r"millimetre: 1\.0 px"):
        Generator.from_config([*SMALL, "primitives.paper.millimetre=1.0"])
    assert GraphPaper().width.contains(1.0)
    with pytest.raises(ConfigError, match="has no picture"):
        Clean().images(Truth(Generator.from_config(["primitives=lines"]).scene(0)))
