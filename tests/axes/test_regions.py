"""Regions and what is held out by them: exactly what they contain, whatever else there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthdata import api, components
from synthdata.axes import Region, Selection
from synthdata.axes.kinds import Anonymous
from synthdata.cli import main
from synthdata.errors import ConfigError
from synthdata.run import Run
from synthdata.splits import Splits

RECORD = {
    "seed": 0,
    "index": 3,
    "background": "#ff0000",
    "axes": {"shape": "heart", "scale": 0.95},
    "marks": [
        {"category": "circle", "params": {"fill": "#00ff00", "radius": 4.0}},
        {"category": "line", "params": {"fill": "#e6324b"}},
    ],
}


LIME = {"dist": "palette", "colors": ["lime"]}


def region(node: Any) -> Region:
    return components.coerce(node, Region, "split.test")


@pytest.mark.parametrize(
    ("node", "inside"),
    [
        ({"shape": "heart"}, True),
        ({"axes.shape": ["square", "heart"]}, True),
        ({"shape": "square"}, False),
        ({"shape": "heart", "scale": {"dist": "uniform", "low": 0.9, "high": 1.0}}, True),
        ({"shape": "heart", "scale": {"dist": "uniform", "low": 0.0, "high": 0.9}}, False),
        (
            {
                "scale": {
                    "dist": "difference",
                    "of": {"dist": "uniform", "low": 0, "high": 1},
                    "without": {"dist": "uniform", "low": 0.9, "high": 1},
                }
            },
            False,
        ),
        ({"background": {"dist": "palette", "colors": ["red"]}}, True),
        ({"background": {"dist": "hsv", "hue": [90, 150]}}, False),
        (
            {
                "marks": {
                    "category": "circle",
                    "params.fill": {"dist": "palette", "colors": ["lime"]},
                }
            },
            True,
        ),
        (
            {"marks": {"category": "line", "params.fill": {"dist": "palette", "colors": ["lime"]}}},
            False,
        ),
        ({"marks.category": "line", "marks.params.radius": 4.0}, True),
        ({"any": [{"shape": "square"}, {"scale": 0.95}]}, True),
        ({"any": [{"shape": "square"}, {"scale": 0.9}]}, False),
        ({"all": [{"shape": "heart"}, {"scale": 0.9}]}, False),
        ({"shape": "heart", "not": {"scale": 0.95}}, False),
        ({"not": {"nothing": 1}}, True),
        ({"nothing.there": 3}, False),
        ({"shape": {"dist": "uniform", "low": 0, "high": 1}}, False),
    ],
)
def test_a_region_contains_what_fulfils_it(node: Any, inside: bool) -> None:
    made = region(node)
    assert made.contains(RECORD) == inside
    assert region(json.loads(json.dumps(components.describe(made)))) == made


@given(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 3), min_size=1), min_size=1))
def test_the_algebra_is_that_of_sets(conditions: dict[str, list[int]]) -> None:
    one, other = region(conditions), region({"b": [0, 1]})
    for a in range(4):
        for b in range(4):
            at = {"a": a, "b": b, "c": 1}
            inside = all(at[key] in values for key, values in conditions.items())
            assert one.contains(at) == inside
            assert Region(every=(one, other)).contains(at) == (inside and b < 2)
            assert Region(some=(one, other)).contains(at) == (inside or b < 2)
            assert Region(every=(one,), but=(other,)).contains(at) == (inside and b >= 2)


def test_a_selection_has_the_cells_of_its_region_in_order() -> None:
    values = {"a": Anonymous(4), "b": Anonymous(5)}
    where, without = region({"a": [1, 2, 3]}), region({"a": 2, "b": [0, 4]})
    grid = Selection(values=values, where=where, without=without)
    cells = [(a, b) for a in range(4) for b in range(5)]
    expected = [c for c in cells if c[0] and not (c[0] == 2 and c[1] in (0, 4))]
    assert [tuple(at.values()) for at in grid] == expected
    with pytest.raises(ConfigError, match="no cell is left"):
        Selection(values=values, where=region({"a": 9}))


def test_what_is_held_out_is_in_no_other_split(tmp_path: Path) -> None:
    held = "{shape: heart, scale: {dist: uniform, low: 0.9, high: 1}}"
    split = f"split={{train: 0.75, val: 0.25, test: {held}}}"
    overrides = [
        *("recipe=dsprites", "axes.values.x=[0,0.5,1]", "axes.values.y=[0,1]", "engine=serial"),
        *("axes.values.orientation=[0,1,2]", "report=null", split),
    ]
    digests, rows = set(), []
    for number, axis in enumerate(("shape", "y")):
        run = api.generate([*overrides, f"parallel.axis={axis}", "shard_size=50"], tmp_path / axis)
        target = tmp_path / f"{number}.jsonl"
        assert main(["export", str(run.path), "metadata", "-o", str(target)]) == 0
        rows = [json.loads(line) for line in target.open()]
        digests.add(str([(row["index"], row["sha256"], row["split"]) for row in rows]))
        assert Run.load(run.path).config == run.config
    assert len(digests) == 1
    found = {row["index"] for row in rows if row["split"] == "test"}
    expected = {
        row["index"]
        for row in rows
        if row["axes"]["shape"] == "heart" and row["axes"]["scale"] >= 0.9
    }
    assert found == expected
    assert len(found) == 2 * 3 * 3 * 2
    others = Splits({"train": 0.75, "val": 0.25})
    for row in rows:
        if row["index"] not in found:
            assert row["split"] == others.of(row["seed"], row["index"])


def test_the_report_holds_asked_against_made_for_each_value(tmp_path: Path) -> None:
    run = api.generate(
        [
            *("axes=product", "axes.values={width: [1.0, 2.0, -9.0], k: 4}", "axes.repeats=2"),
            "primitives.lines.width={dist: relative, of: x, plus: 9.5, low: -1, factor: "
            "{dist: axis, name: width}}",
            *("primitives.lines.x=0.001", "primitives.lines.count=1", "failures.max_rate=null"),
            *("canvas.size=[2000,20]", "engine=serial", "parallel.axis=k"),
        ],
        tmp_path / "run",
    )
    stats = json.loads((run.path / "stats.json").read_text())
    assert stats["axes"]["k"] == {str(k): {"asked": 6, "made": 4} for k in range(4)}
    assert stats["axes"]["width"]["-9.0"] == {"asked": 8, "made": 0}
    assert stats["axes"]["width"]["2.0"] == {"asked": 8, "made": 8}
    assert stats["parameters"]["axes.k"]["asked"]["agrees"]


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("{train: 0.9, test: {}}", "split.test: is empty"),
        ("{train: 0.9, test: {shape: heart}}", "add up to 0.9"),
        ("{train: 1.0, test: x}", "split.test: 'x' is not a region"),
        ("{train: 1.0, test: {a: {dist: unifrm}}}", "did you mean 'uniform'"),
    ],
)
def test_bad_regions_are_one_sentence(split: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        api.config([f"split={split}"])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
