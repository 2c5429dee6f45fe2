"""Wireframes against the same line work cut up by shapely, and as their trainers read them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from label_cases import SIDE, circle, line, scene, truth_of, warps

from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.exports import make_format
from synthdata.exports.formats import export
from synthdata.generator import Generator
from synthdata.labels import Truth, Wireframe
from synthdata.run import Run
from synthdata.scene import Scene

HOLLOW = ["recipe=wireframe", "canvas.size=[160,160]"]


def wireframe(truth: Truth, **fields: Any) -> tuple[np.ndarray, list[list[int]]]:
    found = Wireframe(**fields).fields(truth)["wireframe"]
    return np.array(found["junctions"]).reshape(-1, 2), found["lines"]


def sides(made: Scene, truth: Truth) -> list[shapely.LineString]:
    """The straight sides by their corners: what the canvas has of them, moved along by effects."""
    box = shapely.box(0, 0, made.width, made.height)

    def shown(side: shapely.LineString) -> shapely.LineString:
        moved = shapely.transform(side.intersection(box), truth.points)
        return moved.intersection(box)

    found = []
    for mark in made.marks:
        codes = [1] + [2] * (len(mark.vertices) - 1) if mark.codes is None else mark.codes.tolist()
        points = mark.vertices
        start = points[0]
        for k, code in enumerate(codes):
            if code == 1:
                start = points[k]
            else:
                ends = points[k - 1], start if code == 79 else points[k]
                found.append(shown(shapely.LineString(ends)))
    return [part for part in found if part.length > 1e-3]


@pytest.mark.parametrize("warped", [False, True])
def test_lines_are_the_cut_up_sides(warped: bool) -> None:
    generator = Generator.from_config(HOLLOW)
    for k in range(12):
        made = generator.scene(k)
        truth = truth_of(made, *(warps(160, 160, k) if warped else ()))
        junctions, lines = wireframe(truth)
        # On a grid: for shapely, a side that ends on another one does so only if no bit is off.
        cut = shapely.unary_union(sides(made, truth), grid_size=1e-4)
        expected = [part for part in shapely.get_parts(cut) if part.length > 2e-3]
        assert len(lines) == len(expected)
        ours = shapely.MultiLineString([junctions[pair] for pair in lines])
        theirs = shapely.MultiLineString(expected)
        assert ours.length == pytest.approx(theirs.length, abs=0.01 * len(lines))
        assert shapely.hausdorff_distance(ours, theirs) < 0.01
        nodes = shapely.MultiPoint([xy for part in expected for xy in part.coords])
        assert shapely.hausdorff_distance(shapely.MultiPoint(junctions), nodes) < 0.01


def test_without_cuts_lines_are_the_sides() -> None:
    made = scene(line((10, 10), (90, 90)), line((10, 90), (90, 10)))
    junctions, lines = wireframe(truth_of(made), cut=False)
    assert (junctions.tolist(), lines) == (
        [[10, 10], [90, 90], [10, 90], [90, 10]],
        [[0, 1], [2, 3]],
    )
    junctions, lines = wireframe(truth_of(made))
    assert len(junctions) == 5
    assert [50, 50] in junctions.tolist()
    assert len(lines) == 4


def test_sides_that_two_marks_share_are_listed_once() -> None:
    left = line((20, 20), (60, 20), (60, 60), (20, 60), closed=True)
    right = line((60, 20), (100, 20), (100, 60), (60, 60), closed=True)
    longer = line((10, 20), (120, 20))
    junctions, lines = wireframe(truth_of(scene(left, right, longer)))
    assert len(junctions) == 8
    assert len(lines) == 9
    assert len({tuple(sorted(pair)) for pair in lines}) == 9


def test_what_is_covered_is_left_out() -> None:
    behind = line((10, 50), (110, 50))
    front = line((40, 20), (80, 20), (80, 80), (40, 80), closed=True, fill=(200, 0, 0))
    junctions, lines = wireframe(truth_of(scene(behind, front)))
    through = [p for p in lines if (junctions[p][:, 1] == 50).all()]
    assert sorted(sorted(junctions[p][:, 0].tolist()) for p in through) == [[10, 40], [80, 110]]
    junctions, lines = wireframe(truth_of(scene(front, behind)))
    assert len([p for p in lines if (junctions[p][:, 1] == 50).all()]) == 3


def test_curves_have_no_lines_and_nothing_is_nothing() -> None:
    assert wireframe(truth_of(scene(circle(50, 50, 20))))[1] == []
    assert wireframe(truth_of(scene()))[1] == []
    outside = line((SIDE + 5, 0), (SIDE + 50, 70))
    assert wireframe(truth_of(scene(outside)))[1] == []


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    overrides = [*HOLLOW, "n=12", "engine=serial", "split={train: 8, test: 4}"]
    folder = tmp_path_factory.mktemp("wires")
    run = Run(folder / "run", config(overrides)).execute()
    export(run, make_format("wireframe", {}), folder / "wireframe")
    return run, folder / "wireframe"


def test_the_files_are_what_hawp_and_lcnn_read(exported: tuple[Run, Path]) -> None:
    run, folder = exported
    records = list(run.records())
    for split, some in (("train", records[:8]), ("test", records[8:])):
        annotations = json.loads((folder / f"{split}.json").read_text())
        assert [a["filename"] for a in annotations] == [r["file_name"] for r in some]
        for annotation, record in zip(annotations, some, strict=True):
            assert (folder / "images" / annotation["filename"]).exists()
            assert (annotation["width"], annotation["height"]) == (160, 160)
            junctions = np.array(annotation["junctions"], dtype=np.float32)
            positive = np.array(annotation["edges_positive"], dtype=np.int32)
            negative = np.array(annotation["edges_negative"], dtype=np.int32)
            assert junctions.shape[1] == positive.shape[1] == negative.shape[1] == 2
            assert junctions.min() >= 0
            assert junctions.max() <= 160
            lines = np.array(annotation["lines"], dtype=np.float32).reshape(-1, 2, 2)
            assert np.array_equal(lines, junctions[positive])
            assert np.array_equal(np.array(annotation["junc"], dtype=np.float32), junctions)
            n = len(junctions)
            both = {tuple(p) for p in positive.tolist()} | {tuple(p) for p in negative.tolist()}
            assert (
                len(both)
                == len(positive) + len(negative)
                == min(n * (n - 1) // 2, len(positive) + 2000)
            )
            assert annotation["edges_positive"] == record["wireframe"]["lines"]


def test_it_needs_the_label(tmp_path: Path) -> None:
    overrides = ["canvas.size=[64,64]", "n=2", "engine=serial"]
    run = Run(tmp_path / "run", config(overrides)).execute()
    with pytest.raises(ConfigError, match="wireframe needs 'wireframe'"):
        export(run, make_format("wireframe", {}), tmp_path / "out")
    with pytest.raises(ConfigError, match="negatives: -1"):
        make_format("wireframe", {"negatives": -1})
