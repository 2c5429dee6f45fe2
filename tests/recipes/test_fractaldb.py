"""The search for FractalDB's categories against the published files, and parameter files."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from synthdata.errors import ConfigError
from synthdata.recipes.fractaldb import categories, orbit, read_system, search, write_system

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
