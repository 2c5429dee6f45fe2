"""Fractals: the points are those of the attractor, from files and sampled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthdata.components import build
from synthdata.compose import compose
from synthdata.distributions import Constant
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.labels import InstanceMask, Marks
from synthdata.primitives import Fractals, Primitive
from synthdata.primitives.fractals import System, chaos_game, picture_of, read_system, with_chances
from synthdata.sample_config import Canvas, SampleConfig

SIDE = 128
FERN = """0,0,0,0.16,0,0,0.01
0.85,0.04,-0.04,0.85,0,1.6,0.85
0.2,-0.26,0.23,0.22,0,1.6,0.07
-0.15,0.28,0.26,0.24,0,0.44,0.07
"""
TRIANGLE = np.array([(0.5, 0, 0, 0.5, 0, 0), (0.5, 0, 0, 0.5, 0.5, 0), (0.5, 0, 0, 0.5, 0, 0.5)])


def generator(**fields: Any) -> Generator:
    plain = ("path", "least_filled", "stretch")
    given = {k: v if k in plain else Constant(v) for k, v in fields.items()}
    config = SampleConfig(
        canvas=Canvas(size=(SIDE, SIDE)),
        primitives={"f": Fractals(**given)},
        labels={"marks": Marks(), "mask": InstanceMask()},
    )
    return Generator(config)


def test_the_shipped_config_is_the_class_with_its_defaults() -> None:
    node = compose(["primitives=fractals"])["primitives"]["fractals"]
    assert build(node, Primitive, "fractals") == Fractals()


def test_points_of_the_triangle_are_on_it() -> None:
    """Sierpinski's: no point where the binary digits of x and y have a one at the same place."""
    system = System(TRIANGLE, np.full(3, 1 / 3))
    x, y = chaos_game(system, 20_000, np.random.default_rng(0))
    both = np.floor(np.stack((x, y)) * 1024).astype(int)
    inside = (both[0] & both[1]) == 0
    assert inside.mean() > 0.999  # the rest is rounding
    thirds = [((x < 0.5) & (y < 0.5)).mean(), (x >= 0.5).mean(), (y >= 0.5).mean()]
    np.testing.assert_allclose(thirds, 1 / 3, atol=0.015)


def test_maps_are_taken_as_often_as_asked() -> None:
    far = np.zeros((3, 6))
    far[:, 4] = 0.0, 1.0, 2.0
    system = System(far, np.array((0.5, 0.3, 0.2)))
    x, _ = chaos_game(system, 50_000, np.random.default_rng(1))
    np.testing.assert_allclose(np.bincount(x.astype(int)) / 50_000, (0.5, 0.3, 0.2), atol=0.01)


def test_the_attractor_is_that_of_a_single_walk() -> None:
    """The chaos game as in the books, one point after the other."""
    system = with_chances(np.random.default_rng(5).uniform(-0.7, 0.7, (3, 6)))
    rng = np.random.default_rng(2)
    point, walk = np.zeros(2), []
    for pick in rng.choice(3, 30_000, p=system.chances):
        a, b, c, d, e, f = system.maps[pick]
        point = np.array((a * point[0] + b * point[1] + e, c * point[0] + d * point[1] + f))
        walk.append(point)
    one, many = np.array(walk[50:]).T, chaos_game(system, 30_000, rng)
    room = [(low - 0.01, high + 0.01) for low, high in zip(one.min(1), one.max(1), strict=True)]
    shares = [np.histogram2d(*xy, bins=12, range=room)[0] / xy.shape[1] for xy in (one, many)]
    assert np.abs(shares[0] - shares[1]).sum() / 2 < 0.03


def test_what_runs_away_is_seen() -> None:
    system = with_chances(np.array([(2.0, 0, 0, 2.0, 1, 1), (1.5, 0, 0, 1.5, 0, 1)]))
    assert chaos_game(system, 100, np.random.default_rng(0)) is None


def test_sampled_systems_fill_their_share() -> None:
    for index in range(4):
        (mark,) = generator(points=20_000, maps=3).scene(index).marks
        rows = np.array(mark.params["system"])
        assert rows.shape == (3, 7)
        assert (np.abs(rows[:, :6]) <= 1.0).all()
        area = np.abs(rows[:, 0] * rows[:, 3] - rows[:, 1] * rows[:, 2])
        np.testing.assert_allclose(rows[:, 6], area / area.sum())
        assert mark.params["share_filled"] > 0.1


def test_a_system_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "fern.csv"
    path.write_text(FERN)
    system = read_system(path)
    assert system.maps.shape == (4, 6)
    np.testing.assert_allclose(system.chances, (0.01, 0.85, 0.07, 0.07))
    (mark,) = generator(path=str(path), points=50_000).scene(0).marks
    assert mark.params["file"] == "fern.csv"
    path.write_text(FERN.replace(",", "  "))
    assert np.array_equal(read_system(path).maps, system.maps)
    x, y = chaos_game(system, 50_000, np.random.default_rng(0))
    bounds = x.min(), x.max(), y.min(), y.max()
    np.testing.assert_allclose(bounds, (-2.18, 2.66, 0.0, 10.0), atol=0.1)


def test_a_folder_of_files_is_drawn_from(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(FERN)
    drawn = generator(path=str(tmp_path), points=500)
    names = {m.params["file"] for i in range(12) for m in drawn.scene(i).marks}
    assert names == {"a.csv", "b.csv"}
    assert {f.name for f in Fractals(path=str(tmp_path)).files()} == {"a.csv", "b.csv"}


def test_flips_mirror_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "fern.csv"
    path.write_text(FERN)
    images = {
        flip: generator(path=str(path), points=5000, flip=flip, size=1.0)[0].image
        for flip in ("none", "x", "y", "xy")
    }
    plain = images["none"]
    assert np.array_equal(images["x"], plain[:, ::-1])
    assert np.array_equal(images["y"], plain[::-1])
    assert np.array_equal(images["xy"], plain[::-1, ::-1])


def test_weights_change_one_parameter(tmp_path: Path) -> None:
    path = tmp_path / "fern.csv"
    path.write_text(FERN)
    plain = generator(path=str(path), points=5000)[0].image
    other = generator(path=str(path), points=5000, weight=0.8)[0].image
    same = generator(path=str(path), points=5000, weight=1.0, weighted="c")[0].image
    assert np.array_equal(plain, same)
    assert not np.array_equal(plain, other)


def test_its_pixels_are_those_of_the_canvas() -> None:
    """Without a turn there is no pixel between the colour and the background."""
    sample = generator(points=4000)[1]
    color = np.array(sample.scene.marks[0].style.fill)
    painted = (sample.image == color).all(axis=2)
    assert ((sample.image == 255).all(axis=2) | painted).all()
    assert np.array_equal(sample.masks["mask"] == 1, painted)
    rows, columns = np.nonzero(painted)
    x, y, w, h = sample.record["marks"][0]["bbox"]
    assert (x, y) == (columns.min(), rows.min())
    assert (x + w, y + h) == (columns.max() + 1, rows.max() + 1)


@pytest.mark.parametrize("stretch", [False, True])
def test_a_picture_fills_its_square(stretch: bool) -> None:
    xy = np.array([(0.0, 4.0, 2.0), (1.0, 2.0, 1.5)])
    mask = picture_of(xy, 9, stretch)
    rows, columns = np.nonzero(mask)
    assert (columns.min(), columns.max()) == (0, 8)
    assert (rows.min(), rows.max()) == ((0, 8) if stretch else (3, 5))
    assert mask[rows.max(), 0]  # the lowest point is the leftmost


BAD = [
    ("1,2,3\n", "seven numbers"),
    ("a,b\n", "rows of numbers"),
    ("0,0,0,0,0,0,-1\n", "probabilities"),
    ("", "seven numbers"),
]


@pytest.mark.parametrize(("text", "word"), BAD)
def test_bad_files_are_refused(text: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=word):
        Fractals(path=str(path))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Fractals(path=str(tmp_path / "none.csv"))
    with pytest.raises(ConfigError, match=r"no \.csv"):
        Fractals(path=str(tmp_path))


def test_what_cannot_be_sampled_says_so() -> None:
    with pytest.raises(ConfigError, match="least_filled"):
        generator(least_filled=0.89, maps=2).scene(0)
