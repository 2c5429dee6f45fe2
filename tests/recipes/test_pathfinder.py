"""Pathfinder: its published facts, and that nothing but the contours tells the answer."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from synthdata import geometry
from synthdata.api import config
from synthdata.errors import ConfigError, LayoutError
from synthdata.generator import Generator
from synthdata.recipes import PathfinderContours
from synthdata.scene import Mark, Scene

LENGTHS = {6: (2, 15), 9: (3, 10), 14: (4, 7)}  # dashes of a distractor, and how many there are


def generator_of(*overrides: str) -> Generator:
    return Generator.from_config(["recipe=pathfinder", *overrides])


def of(scene: Scene, category: str) -> list[Mark]:
    return [mark for mark in scene.marks if mark.category == category]


def segments(mark: Mark) -> np.ndarray:
    return mark.vertices.reshape(-1, 2, 2)


@pytest.mark.parametrize("length", LENGTHS)
def test_two_contours_and_distractors_of_a_third(length: int) -> None:
    generator = generator_of(f"primitives.pathfinder.length={length}")
    dashes, count = LENGTHS[length]
    for k in range(10):
        image, record, scene, _ = generator[k]
        assert image.shape == (300, 300)
        assert [len(segments(mark)) for mark in of(scene, "contour")] == [length, length]
        assert [len(segments(m)) for m in of(scene, "distractor")] == [dashes] * count
        assert len(of(scene, "dot")) == 2
        for mark in scene.marks:
            box = geometry.painted_bounds(mark.vertices, mark.codes, mark.style)
            assert np.allclose(box, mark.bounds, atol=1e-9)
            if mark.category != "dot":
                lengths = np.linalg.norm(np.diff(segments(mark), axis=1), axis=-1)
                assert np.allclose(lengths, 5.0)
                assert min(mark.bounds) >= 22 - 3
                assert max(mark.bounds) <= 300 - 22 + 3
        assert isinstance(record["joined"], bool)


def test_no_contour_comes_near_itself() -> None:
    """Nor where each link may turn by more than a right angle."""
    turns = "primitives.pathfinder.continuity=0.8"
    generator = generator_of("primitives.pathfinder.length=14", turns)
    for k in range(40):
        for mark in of(generator.scene(k), "contour"):
            middles = segments(mark).mean(axis=1)
            gaps = np.linalg.norm(middles[:, None] - middles, axis=-1)
            assert gaps[np.triu_indices(14, 2)].min() >= 11.0 - 1e-9


@pytest.mark.parametrize("length", LENGTHS)
def test_contours_never_touch_by_shapely(length: int) -> None:
    generator = generator_of(f"primitives.pathfinder.length={length}")
    for k in range(8):
        chains = [m for m in generator.scene(k).marks if m.category != "dot"]
        shapes = [
            shapely.MultiLineString([*segments(m)]).buffer(1.0, cap_style="flat") for m in chains
        ]
        for a, b in zip(*np.triu_indices(len(shapes), 1), strict=True):
            assert shapes[a].distance(shapes[b]) > 3.5
        for dot in of(generator.scene(k), "dot"):
            circle = shapely.Point(*dot.keypoints[0][1:]).buffer(5.0)
            touched = [
                m.category for m, s in zip(chains, shapes, strict=True) if s.intersects(circle)
            ]
            assert touched == ["contour"]


def test_the_answer_is_what_the_contours_say() -> None:
    """Two dots are joined if the dashes at both belong to one chain of small steps."""
    generator = generator_of("primitives.pathfinder.length=9")
    answers = []
    for k in range(60):
        _, record, scene, _ = generator[k]
        middles = np.concatenate([segments(m).mean(axis=1) for m in of(scene, "contour")])
        steps = np.linalg.norm(middles[:, None] - middles, axis=-1) <= 11.0 + 1e-6
        reach = np.linalg.matrix_power(steps.astype(float), 32) > 0
        dots = [np.array(dot.keypoints[0][1:]) for dot in of(scene, "dot")]
        ends = [int(np.linalg.norm(middles - dot, axis=1).argmin()) for dot in dots]
        assert record["joined"] == bool(reach[ends[0], ends[1]])
        answers.append(record["joined"])
    assert sum(answers) == 30


def test_half_of_the_images_are_joined() -> None:
    generator = generator_of()
    assert config(["recipe=pathfinder"]).n == 10_000
    for start in (0, 5_000, 9_980):
        joined = [generator.scene(start + k).marks[-1].params["contour"] == 1 for k in range(20)]
        assert sum(joined) == 10
    drawn = generator_of("primitives.pathfinder.joined={dist: bernoulli, p: 0.5}")
    joined = [drawn.scene(k).marks[-1].params["contour"] == 1 for k in range(100)]
    assert 25 <= sum(joined) <= 75


def test_the_distance_of_the_dots_is_no_shortcut() -> None:
    """The same scene with the other answer has the same contours, its dots as far apart."""
    yes, no = (generator_of(f"primitives.pathfinder.joined={word}") for word in ("true", "false"))
    distances = []
    for k in range(60):
        both = [g.scene(k) for g in (yes, no)]
        assert [g[k].record["joined"] for g in (yes, no)] == [True, False]
        for a, b in zip(*(scene.marks[:-1] for scene in both), strict=True):
            assert np.array_equal(a.vertices, b.vertices)
        gaps = []
        for scene in both:
            (_, x0, y0), (_, x1, y1) = (dot.keypoints[0] for dot in of(scene, "dot"))
            gaps.append(np.hypot(x1 - x0, y1 - y0))
        assert gaps[0] == pytest.approx(gaps[1], abs=1e-9)
        distances.append(gaps[0])
    assert np.ptp(distances) > 5  # and it is not one number


def test_turns_follow_the_published_law() -> None:
    """The density of a turn a is that of cos²(1.8 a): its spread is known."""
    generator = generator_of("primitives.pathfinder.length=14")
    turns = []
    for k in range(40):
        for mark in of(generator.scene(k), "contour"):
            along = np.diff(segments(mark), axis=1)[:, 0]
            headings = np.unwrap(np.arctan2(along[:, 1], along[:, 0]))
            turns.extend(np.diff(headings).tolist())
    assert np.abs(turns).max() <= np.pi / 2 / 1.8
    expected = np.sqrt(np.pi**2 / 12 - 0.5) / 1.8  # of cos² on its period
    assert np.std(turns) == pytest.approx(expected, rel=0.1)


def test_bad_values_are_refused() -> None:
    for fields, word in (
        ({"length": 2}, "length: 2"),
        ({"dash": 0.0}, "dash: 0.0"),
        ({"gap": -1.0}, "gap"),
    ):
        with pytest.raises(ConfigError, match=word):
            PathfinderContours(**fields)  # type: ignore[arg-type]
    with pytest.raises(LayoutError, match="found no room"):
        generator_of("canvas.size=[60,60]").scene(0)
    with pytest.raises(ConfigError, match=r"pathfinder\.padding: 22 px .* it has to be below 20"):
        generator_of("canvas.size=[60,40]")
