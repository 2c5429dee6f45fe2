"""Recipes with other options beside or in place of their own, and with numbers that cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synthdata import api, components, recipes
from synthdata.compose import conf_dir
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.primitives import Fractals

#: Recipes that say something of options, and one that brings its own primitive.
RECIPES = ("charts", "plate", "text_lines", "wireframe", "graph_paper", "fractaldb")


def refused(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        api.config(overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("recipe", RECIPES)
def test_other_options_of_each_group_can_be_chosen(recipe: str) -> None:
    """What the recipe says of an option goes with it; all else stays."""
    plain = api.config([f"recipe={recipe}"])
    others = ["primitives=lines", "effects=blur", "labels=marks", "encoder=jpeg", "exports=[]"]
    config = api.config([f"recipe={recipe}", *others])
    for field in ("axes", "canvas", "shard_size"):
        assert getattr(config, field) == getattr(plain, field)
    assert {"blur"} <= set(config.effects) <= {"blur", *plain.effects}
    own = [name for name in config.primitives if name != "lines"]
    assert not set(own) & {path.stem for path in (conf_dir() / "primitives").glob("*.yaml")} or (
        recipe == "graph_paper"  # whose rectangles are primitives of its own
    )
    if not own:
        assert Generator(config.sample_config)[0].record["marks"][0]["category"] == "line"


def test_an_option_that_is_chosen_beside_others_keeps_what_the_recipe_says() -> None:
    plain = api.config(["recipe=plate"])
    config = api.config(["recipe=plate", "primitives=[lines,cells]", "effects=[poisson_noise]"])
    assert config.primitives["cells"] == plain.primitives["cells"]
    assert list(config.primitives) == ["lines", "cells"]
    assert config.effects == {"poisson_noise": plain.effects["poisson_noise"]}


def test_a_recipe_of_ones_own_may_not_name_what_is_no_option(tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    recipe = tmp_path / "recipe" / "mine.yaml"
    recipe.write_text("# @package _global_\nprimitives:\n  cirlces:\n    count: 3\n")
    with pytest.raises(ConfigError, match=r"primitives\.cirlces"):
        api.config(["recipe=mine"], config_dir=tmp_path)
    recipe.write_text(
        "# @package _global_\ndefaults:\n  - override /primitives: circles\n"
        "primitives:\n  circles:\n    count: 3\n"
    )
    config = api.config(["recipe=mine", "primitives=text"], config_dir=tmp_path)
    assert list(config.primitives) == ["text"]


@pytest.mark.parametrize(
    ("recipe", "others", "category"),
    [
        ("blindtest_circles", "[lines,circles]", "circle"),
        ("blindtest_shapes", "circles", "circle"),
        ("blindtest_letter", "text", "text"),
        ("blindtest_subway", "[rectangles,text]", "text"),
        ("blindtest_letter", "mixed", "text"),
    ],
)
def test_questions_are_not_asked_of_what_another_primitive_draws_too(
    recipe: str, others: str, category: str
) -> None:
    message = refused(f"recipe={recipe}", f"primitives={others}")
    assert message.startswith(f"labels.blindtest: asks of the {category} marks that belong to")
    config = api.config([f"recipe={recipe}", "primitives=polygons"])  # they are no matter
    record = Generator(config.sample_config)[0].record
    alone = Generator(api.config([f"recipe={recipe}"]).sample_config)[0].record
    assert record["answer"] == alone["answer"]


@pytest.mark.parametrize(
    ("cls", "values", "words"),
    [
        (recipes.BlindtestLines, {"crossings": 3}, "crossings: 3 can be drawn; 0 to 2 can be"),
        (recipes.BlindtestLines, {"width": "thick"}, "width: 'thick' is not a number"),
        (
            recipes.BlindtestLines,
            {"width": {"dist": "relative", "of": "x", "factor": 2}},
            "width: depends on 'x', and nothing is drawn before it",
        ),
        (recipes.BlindtestSubway, {"paths": 1.5}, "paths: fractions can be drawn"),
        (recipes.BlindtestSubway, {"paths": 0}, "paths: 0 can be drawn; 1 to 3 can be"),
        (recipes.BlindtestCircles, {"rotation": "up"}, "rotation: 'up' is unknown; known"),
        (recipes.BlindtestCircles, {"diameter": 2}, "diameter: 2 can be drawn; 0 to 1 can be"),
        (recipes.BlindtestCircles, {"distance": -2}, "distance: -2 can be drawn; -1 is the least"),
        (recipes.BlindtestShapes, {"shape": ["circle", "star"]}, "shape: 'star' is unknown"),
        (recipes.BlindtestShapes, {"variant": 2}, "variant: 2 can be drawn; 0 to 1 can be"),
        (recipes.BlindtestShapes, {"count": 0}, "count: 0 can be drawn; 1 is the least"),
        (recipes.BlindtestSquares, {"depth": 6}, "depth: 6 can be drawn; 1 to 5 can be"),
        (recipes.BlindtestLetter, {"letter": 52}, "letter: 52 can be drawn; 0 to 51 can be"),
        (recipes.BlindtestLetter, {"padding": -1}, "padding: -1 can be drawn; 0 is the least"),
        (recipes.BlindtestGrids, {"shape": ["3x4", "3x0"]}, "'3x0' is not rows by columns"),
        (recipes.BlindtestGrids, {"text": "maybe"}, "text: 'maybe' is neither true nor false"),
        (recipes.FractalDb, {"category": 50}, "category: 50 can be drawn; 0 to 49 can be; for"),
        (recipes.FractalDb, {"flip": [0, 4]}, "flip: 4 can be drawn; 0 to 3 can be"),
        (recipes.FractalDb, {"weight": 25}, "weight: 25 can be drawn; 0 to 24 can be"),
        (Fractals, {"weight": "a"}, "weight: 'a' is not a number"),
    ],
)
def test_numbers_that_cannot_be_are_refused_before_a_sample_is_made(
    cls: type, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        components.make(cls, values, "primitives.it")
    assert words in str(caught.value)
    assert str(caught.value).startswith("primitives.it.")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["recipe=blindtest_lines", "axes.values.crossings=4"], "crossings: 3 can be drawn; 0 to"),
        (["recipe=fractaldb", "axes.values.category=51"], "category: 50 can be drawn; 0 to 49"),
    ],
)
def test_so_are_those_of_an_axis(overrides: list[str], words: str) -> None:
    assert words in refused(*overrides)


def test_fifty_categories_need_no_files_and_more_are_told_of_files(tmp_path: Path) -> None:
    assert api.config(["recipe=fractaldb", "axes.values.category=50"]).n == 50_000
    (tmp_path / "00000.csv").write_text("0.5,0,0,0.5,0,0,1\n")
    path = f"primitives.fractal.path={tmp_path}"
    assert "0 to 0 can be" in refused("recipe=fractaldb", "axes.values.category=2", path)
    assert api.config(["recipe=fractaldb", "axes.values.category=1", path]).n == 1000
