"""Regions and what is held out by them: exactly what they contain, whatever else there is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import Command
from shipped import PRIMITIVES

from synthdata import api, components
from synthdata.axes import Product, Random, Region, Selection, Zip
from synthdata.axes.held import check_held
from synthdata.axes.kinds import Anonymous
from synthdata.cli import main
from synthdata.compose import conf_dir
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.labels import Marks, Truth
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


GRID = ["primitives=circles", "axes=product", "axes.values={shape: [a, b], k: 3}"]
A, B = "{shape: a}", "{shape: b}"


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("{train: 1.0, test: {shape: hart}}", "split.test: no cell of the grid is in this region"),
        ("{train: 1.0, test: {axes.k: 3}}", "split.test: no cell"),
        ("{train: 1.0, test: {shape: c, background: red}}", "split.test: no cell"),
        (f"{{train: 1.0, test: {{all: [{A}, {B}]}}}}", "split.test: no cell"),
        (f"{{train: 1.0, test: {{shape: a, not: {{any: [{A}, {B}]}}}}}}", "split.test: no cell"),
        (f"{{train: 1.0, one: {A}, two: {{shape: a, k: 1}}}}", "split.two: nothing is left for it"),
        (f"{{train: 1.0, one: {A}, two: {B}}}", "split.train: nothing is left for it; other"),
        (f"{{train: 1.0, test: {A}}}", ""),
        (f"{{train: 1.0, one: {{shape: a, k: 1}}, two: {A}}}", ""),
        ("{train: 1.0, one: {shape: a, background: red}, two: {shape: a, k: 1}}", ""),
        ("{train: 1.0, test: {any: [{shape: c}, {background: red}]}}", ""),
        (
            "{train: 1.0, test: {shpae: a}}",
            "split.test: no record has 'shpae'; did you mean 'shape'?",
        ),
        ("{train: 1.0, test: {axes.size: 3}}", "split.test: no record has 'axes.size'; "),
    ],
)
def test_a_split_that_no_cell_can_be_in_is_refused(split: str, words: str) -> None:
    overrides = [*GRID, f"split={split}"]
    if not words:
        assert api.config(overrides).split is not None
        return
    with pytest.raises(ConfigError) as caught:
        api.config(overrides)
    assert words in str(caught.value)


KEYS = "split.test: no record has "


@pytest.mark.parametrize(
    ("overrides", "node", "words"),
    [
        ([], "{backgruond: red}", f"{KEYS}'backgruond'; did you mean 'background'?"),
        ([], "{category: circle}", f"{KEYS}'category'; did you mean 'marks.category'?"),
        ([], "{marks.categry: circle}", f"{KEYS}'marks.categry'; did you mean 'marks.category'?"),
        ([], "{marks: {categry: circle}}", f"{KEYS}'marks.categry'; did you mean 'marks.category'"),
        ([], "{not: {any: [{seed: 1}, {sed: 1}]}}", f"{KEYS}'sed'; did you mean 'seed'?"),
        ([], "{boxes.id: 1}", f"{KEYS}'boxes.id'; "),  # which another label gives
        ([], "{axes.shape: a}", f"{KEYS}'axes.shape'; known: background, file_name, height, "),
        ([], "{effects.blur.radius: 1}", f"{KEYS}'effects.blur.radius'; "),
        (["effects=[blur]"], "{effects.blr.radius: 1}", "did you mean 'effects.blur'?"),
        (["effects=[blur]"], "{effects.blur.radius: 1}", ""),
        (["labels=[marks,boxes]"], "{boxes.id: 1}", ""),
        ([], "{marks.params.radus: 1}", "no record has 'marks.params.radus'; did you mean 'marks."),
        ([], "{marks: {params.radus: 1}}", "did you mean 'marks.params.radius'?"),
        ([], "{radius: 1}", "no record has 'radius'; did you mean 'marks.params.radius'?"),
        ([], "{marks.params.radius: 1}", ""),
        ([], "{marks.params.hand_wave: 1}", f"{KEYS}'marks.params.hand_wave'; "),
        (["style=hand_drawn"], "{marks.params.hand_wave: 30.0}", ""),
        (["primitives=[circles,text]"], "{marks.params.text: maple}", ""),
        (["primitives=mixed"], "{marks.params.kid: x}", "did you mean 'marks.params.kind'?"),
        (["primitives=charts"], "{marks.params.anything: 1}", ""),  # not known before
        (["labels=[clean]"], "{clean_marks.params.radus: 1}", "'clean_marks.params.radius'?"),
    ],
)
def test_a_region_of_what_no_record_has_is_refused(
    overrides: list[str], node: str, words: str
) -> None:
    overrides = ["primitives=circles", *overrides, f"split={{train: 1.0, test: {node}}}"]
    if not words:
        assert api.config(overrides).split is not None
        return
    with pytest.raises(ConfigError) as caught:
        api.config(overrides)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_of_labels_from_plugins_no_keys_are_known() -> None:
    @dataclass(frozen=True)
    class More(Marks):
        def fields(self, truth: Truth) -> Mapping[str, Any]:
            return {**super().fields(truth), "more": 1}

    config = api.config(["primitives=circles"])
    split = {"train": 1.0, "test": region({"more": 1})}
    with pytest.raises(ConfigError, match="no record has 'more'"):
        replace(config, split=split)
    found = replace(config, labels={"marks": More()}, split=split)
    assert Splits(found.split or {}).of_record(Generator(found)[0].record) == "test"


EVERY = ",".join(
    path.stem for path in (conf_dir() / "labels").glob("*.yaml") if path.stem != "captions_llm"
)


@pytest.mark.parametrize(
    "overrides",
    [
        [f"labels=[{EVERY}]", "primitives=mixed"],
        ["labels=[captions,questions]", "labels.captions.messages=true", "style=hand_drawn"],
        [f"labels=[{EVERY}]", "primitives=text", "effects=[perspective,blur]"],
        [
            "axes=product",
            "axes.values={renderer: [agg, opencv], k: 2}",
            "axes.bind={renderer: renderer}",
        ],
        *([f"recipe={path.stem}"] for path in (conf_dir() / "recipe").glob("*.yaml")),
    ],
    ids=lambda overrides: " ".join(overrides)[:40],
)
def test_what_records_may_have_is_known_before(overrides: list[str]) -> None:
    size = () if "recipe" in overrides[0] else ("canvas.size=[96,80]",)
    generator = Generator.from_config([*overrides, *size])
    keys = generator.config.record_keys
    assert keys is not None
    for index in (0, 1, 5):
        record, _ = generator.encode(generator[index])
        assert record.keys() <= keys.keys()
        for key in record.keys() & {key for key, there in keys.items() if there is not None}:
            nodes = record[key] if isinstance(record[key], list) else [record[key]]
            assert {name for node in nodes for name in node} <= (keys[key] or {}).keys()
            if (known := (keys[key] or {}).get("params")) is not None:
                assert {name for node in nodes for name in node["params"]} <= known.keys()


@pytest.mark.parametrize("name", PRIMITIVES)
def test_what_params_marks_have_is_known_before(name: str) -> None:
    for style in ("exact", "hand_drawn"):
        generator = Generator.from_config([f"primitives={name}", f"style={style}"])
        known = ((generator.config.record_keys or {})["marks"] or {})["params"]
        assert (known is None) == (name == "charts")
        if known is not None:
            marks = [mark for index in range(4) for mark in generator.scene(index).marks]
            assert {name for mark in marks for name in mark.params} <= known.keys()


@settings(max_examples=60)
@given(st.data())
def test_what_a_grid_tells_of_splits_is_what_its_records_are_in(data: st.DataObject) -> None:
    """Refused exactly if one of the splits is empty, where regions are told by axes alone."""
    values = st.integers(0, 3)
    leaf = st.builds(lambda n, v: {n: v}, st.sampled_from(["x", "y"]), st.lists(values, min_size=1))
    nodes = st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(lambda a, b: {"all": [a, b]}, inner, inner),
            st.builds(lambda a, b: {"any": [a, b]}, inner, inner),
            st.builds(lambda a, b: {**a, "not": b}, leaf, inner),
        ),
        max_leaves=4,
    )
    held = data.draw(st.lists(nodes, max_size=3))
    split = {"train": 1.0, **{"abc"[k]: region(node) for k, node in enumerate(held)}}
    grid = data.draw(
        st.sampled_from(
            [
                Product(values={"x": Anonymous(3), "z": Anonymous(2), "y": Anonymous(2)}),
                Zip(values={"x": Anonymous(3), "y": Anonymous(3)}),
                Random(values={"x": Anonymous(4), "y": Anonymous(2)}, size=3, seed=1),
            ]
        )
    )
    splits = Splits(split)
    found = {splits.of_record({"axes": at, "seed": 0, "index": 0}) for at in grid}
    try:
        check_held(split, grid)
    except ConfigError as error:
        name = str(error).removeprefix("split.").partition(":")[0]
        assert name in split.keys() - found
    else:
        assert found == set(split)


def test_a_split_that_turns_out_empty_is_told_at_the_end(command: Command) -> None:
    run = ["primitives=circles", "n=4", "canvas.size=[16,16]", "engine=serial", "report=null"]
    done = command(*run, "hydra.run.dir=run", "split.train=1.0", "split.test.background=lime")
    assert done.returncode == 0
    assert "split.test: none of the 4 samples is in it" in done.stderr
    done = command(
        *run, "hydra.run.dir=full", "split.train=1.0", "split.test.marks.category=circle"
    )
    assert done.returncode == 0
    assert "split.train: none of the 4 samples is in it" in done.stderr
    done = command("export", "run", "metadata", "split={a: 1.0, b: {background: red}}")
    assert "split.b: none of the 4 samples is in it" in done.stderr


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["axes.where.shape=c"], "axes.where: no cell is left"),
        (["axes.where.shap=a"], "axes.where: 'shap' is not an axis; did you mean 'shape'?"),
        (["axes.without.t=3"], "axes.without: 't' is not an axis; known: k, shape"),
    ],
)
def test_a_selection_by_what_is_no_axis_is_refused(overrides: list[str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        api.config([*GRID, "axes=selection", *overrides])
    assert words in str(caught.value)


def test_regions_can_be_given_key_by_key() -> None:
    whole = api.config([*GRID, "axes=selection", "axes.where={shape: a, k: [0, 2]}"])
    parts = api.config([*GRID, "axes=selection", "axes.where.shape=a", "axes.where.k=[0,2]"])
    assert parts.axes == whole.axes
    assert [*(whole.axes or ())] == [{"shape": "a", "k": k} for k in (0, 2)]
    split = api.config([*GRID, "split.train=1.0", "split.test.shape=a"]).split
    assert split == {"train": 1.0, "test": region({"shape": "a"})}


def test_classes_may_be_the_values_of_an_axis(tmp_path: Path, capsys: Any) -> None:
    run = api.generate(
        [*GRID, "canvas.size=[16,16]", "engine=serial", "report=null"], tmp_path / "run"
    )
    for key, names in (("shape", ["a", "b"]), ("axes.k", ["0", "1", "2"])):
        target = tmp_path / key
        assert main(["export", str(run.path), "classes", f"key={key}", "-o", str(target)]) == 0
        folders = [path for path in target.iterdir() if path.is_dir()]
        assert sorted(folder.name for folder in folders) == names
        assert {len(list(folder.iterdir())) for folder in folders} == {6 // len(names)}
    capsys.readouterr()
    for key, words in (
        ("shap", "classes needs an axis or a label with the key 'shap'"),
        ("marks.params.radius", "marks.params.radius: has"),
    ):
        overrides = ["export", str(run.path), "classes", f"key={key}", "-o", str(tmp_path / "no")]
        assert main(overrides) == 2
        assert words in capsys.readouterr().err
        assert not (tmp_path / "no").exists()
