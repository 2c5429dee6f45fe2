"""The search for FractalDB's categories against the published files, and parameter files."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.exports import make_format
from synthdata.exports.formats import export
from synthdata.generator import Generator
from synthdata.recipes.fractaldb.pictures import weighted
from synthdata.recipes.fractaldb.search import categories, orbit, read_system, search, write_system
from synthdata.run import Run

#: The first six of ``data/csv_rate0.2_category1000`` in
#: github.com/hirokatsukataoka16/FractalDB-Pretrained-ResNet-PyTorch (MIT), with their numbers.
PUBLISHED = np.loadtxt(Path(__file__).with_name("fractaldb_published.csv"), delimiter=",")
CANDIDATES = (24, 29, 68, 88, 95, 155)


def published(k: int) -> np.ndarray:
    return PUBLISHED[PUBLISHED[:, 0] == k, 1:]


def check(n: int) -> None:
    for k, category in enumerate(islice(categories(), n)):
        assert category.candidate == CANDIDATES[k]
        assert category.system.shape == published(k).shape
        assert np.abs(category.system - published(k)).max() <= 1e-12


def test_the_first_categories_are_the_published_ones() -> None:
    check(2)


@pytest.mark.slow
def test_the_first_six_categories_are_the_published_ones() -> None:
    check(6)


def test_parameter_files_are_written_and_read(tmp_path: Path) -> None:
    (path,) = search(tmp_path / "systems", 1)
    assert path.name == "00000.csv"
    assert np.array_equal(read_system(path), next(categories()).system)
    assert np.abs(read_system(path) - published(0)).max() <= 1e-12
    write_system(tmp_path / "one.csv", published(3))
    assert np.array_equal(read_system(tmp_path / "one.csv"), published(3))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no parameter file"),
        ("1,2,3\n", "six numbers and a probability"),
        ("1,2,3,4,5,6,nan\n", "six numbers and a probability"),
        ("1,0,0,1,0,0,0.5\n", "add up to 1"),
        ("1,0,0,1,0,0,x\n", "cannot be read"),
    ],
)
@pytest.mark.filterwarnings("ignore:loadtxt")
def test_other_files_are_refused(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_system(tmp_path / "bad.csv")


def test_an_orbit_by_hand() -> None:
    halves = np.array([[0.5, 0, 0, 0.5, 0, 0, 0.25], [0.5, 0, 0, 0.5, 0.5, 1.0, 0.75]])
    x, y = orbit(halves, np.array([0.9, 0.1, 0.25, 0.5]))
    assert x.tolist() == [0.0, 0.5, 0.25, 0.125]
    assert y.tolist() == [0.0, 1.0, 0.5, 0.25]


def generator_of(*overrides: str) -> Generator:
    return Generator.from_config(["recipe=fractaldb", "axes.values.category=1", *overrides])


def test_a_thousand_pictures_a_category() -> None:
    made = config(["recipe=fractaldb", "axes.values.category=3"])
    assert made.axes is not None
    assert made.n == 3 * 25 * 10 * 4
    assert made.canvas.size == (512, 512)
    sizes = {name: len(axis) for name, axis in made.axes.values.items()}
    assert sizes == {"category": 3, "weight": 25, "instance": 10, "flip": 4}


def test_weights_are_the_published_ones() -> None:
    """The rows of ``weights_0.4.csv``: five for a, and four for each other parameter."""
    rows = [[f, 1, 1, 1, 1, 1] for f in (0.2, 0.6, 1, 1.4, 1.8)]
    for k in range(1, 6):
        rows += [[f if j == k else 1 for j in range(6)] for f in (0.2, 0.6, 1.4, 1.8)]
    assert len(rows) == 25
    for number, row in enumerate(rows):
        parameter, factor = weighted(number, 0.4)
        ours = [factor if j == parameter else 1.0 for j in range(6)]
        assert np.allclose(ours, row, atol=1e-12)


def test_flips_mirror_and_instances_differ() -> None:
    generator = generator_of("canvas.size=[128,128]", "primitives.fractal.points=5000")
    first, up, left, both = (generator.image(80 + k) for k in range(4))
    assert np.array_equal(first[::-1], up)
    assert np.array_equal(first[:, ::-1], left)
    assert np.array_equal(first[::-1, ::-1], both)
    assert set(np.unique(first)) == {0, 127}
    other = generator.image(84)
    assert not np.array_equal(first, other)
    near = (first[..., 0] > 0).mean(), (other[..., 0] > 0).mean()
    assert near[0] == pytest.approx(near[1], rel=0.1)


def test_pixels_are_those_of_patches_pasted_one_by_one() -> None:
    """The published way: each patch of 3 × 3 replaces what is there, zeros and all."""
    generator = generator_of("canvas.size=[96,96]", "primitives.fractal.points=800")
    index = 80  # weight 2, which multiplies nothing
    (mark,) = generator.scene(index).marks
    system = next(categories()).system
    assert mark.params["system"] == system.tolist()
    assert mark.params["class"] == "00000"
    x, y = orbit(system, np.random.RandomState(100).random_sample(800))
    x, y = x - min(x.min(), 0), y - min(y.min(), 0)
    column = np.uint16(x / np.ptp(x) * 84 + 6)
    row = np.uint16(y / np.ptp(y) * 84 + 6)
    rng = generator._streams.get(index, "geometry/fractal")
    rng.random(3)  # of category, weight and flip
    expected = np.zeros((96, 96), dtype=np.uint8)
    for u, v, pattern in zip(column, row, rng.integers(1, 512, 800), strict=True):
        bits = [int(bit) for bit in f"{pattern:09b}"]
        expected[v + 1 : v + 4, u + 1 : u + 4] = 127 * np.array(bits).reshape(3, 3)
    assert np.array_equal(generator.image(index)[..., 0], expected[::-1])


def test_parameter_files_take_the_place_of_the_search(tmp_path: Path) -> None:
    for k, name in ((3, "rose"), (0, "thorn")):
        write_system(tmp_path / f"{name}.csv", published(k))
    overrides = [f"primitives.fractal.path={tmp_path}", "axes.values.category=2"]
    small = ["canvas.size=[64,64]", "primitives.fractal.points=500"]
    generator = generator_of(*overrides, *small)
    names = [generator[k].record["class"] for k in (80, 1080)]
    assert names == ["rose", "thorn"]
    assert np.allclose(generator.scene(80).marks[0].params["system"], published(3), atol=1e-15)
    with pytest.raises(ConfigError, match="category: 2 can be drawn; 0 to 1 can be"):
        generator_of(*overrides, *small, "axes.values.category=3")
    with pytest.raises(ConfigError, match=r"has no \.csv"):
        generator_of(f"primitives.fractal.path={tmp_path / 'none'}")
    with pytest.raises(ConfigError, match="0 to 49 can be; for more write parameter files"):
        generator_of(*small, "axes.values.category=60")


def test_class_folders(tmp_path: Path) -> None:
    overrides = ["recipe=fractaldb", "axes.values={category: 2, weight: 1, instance: 1, flip: 4}"]
    small = ["canvas.size=[48,48]", "primitives.fractal.points=200", "engine=serial"]
    run = Run(tmp_path / "run", config([*overrides, *small])).execute()
    export(run, make_format("classes", {}), tmp_path / "classes")
    found = {p.name: len(list(p.glob("*.png"))) for p in (tmp_path / "classes").iterdir()}
    assert found == {"00000": 4, "00001": 4}
    split = {"split": {"train": 1, "val": 1}}
    export(run, make_format("classes", split), tmp_path / "split")
    assert len(list((tmp_path / "split").glob("*/*/*.png"))) == 8
    assert {p.name for p in (tmp_path / "split").iterdir()} == {"train", "val"}
    plain = Run(tmp_path / "plain", config(["n=2", "canvas.size=[32,32]", "engine=serial"]))
    with pytest.raises(ConfigError, match="a label with the key 'class'"):
        export(plain.execute(), make_format("classes", {}), tmp_path / "no")
