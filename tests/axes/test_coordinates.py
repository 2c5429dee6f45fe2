"""What samples get of their coordinates: values, shared streams, keys of the config."""

from __future__ import annotations

import numpy as np
import pytest

from synthdata import api
from synthdata.config import Config
from synthdata.dataset import Dataset
from synthdata.errors import ConfigError
from synthdata.generator import Generator

TINY = ["canvas.size=[32,24]", "primitives.lines.count=2", "axes=product"]
WIDTHS = ["axes.values.width=[1,3,5]", "primitives.lines.width={dist: axis, name: width}"]


def test_n_is_the_size_of_the_grid_unless_given() -> None:
    assert api.config(TINY[:2]).n == 1000
    assert api.config([*TINY, *WIDTHS, "axes.values.site=4"]).n == 12
    assert api.config([*TINY, *WIDTHS, "axes.repeats=5"]).n == 15
    assert api.config([*TINY, *WIDTHS, "n=7"]).n == 7
    assert len(Dataset.from_config([*TINY, *WIDTHS])) == 3


def test_coordinates_are_what_is_drawn_and_recorded() -> None:
    overrides = [*TINY, *WIDTHS, "axes.values.turn={axis: linspace, low: 0, high: 1, size: 3}"]
    overrides += ["primitives.lines.angle={dist: axis, name: turn, factor: 90, plus: 5}"]
    generator = Generator.from_config(overrides)
    for index in (*range(11), 4, 17, 0):  # in sequence marks are drawn ahead, and here not
        record = generator[index].record
        assert record["axes"] == generator.config.axes.coordinates(index)
        assert record.get("repeat", 0) == index // 9
        for mark in record["marks"]:
            assert mark["params"]["width"] == record["axes"]["width"]
            assert mark["params"]["angle"] == 90 * record["axes"]["turn"] + 5


@pytest.mark.parametrize(
    "override",
    [
        "primitives.lines.count={dist: axis, name: k}",
        "primitives.lines.width={dist: mixture, parts: [2.0, {dist: axis, name: k}]}",
        "primitives.lines.length={dist: relative, of: x, factor: {dist: axis, name: k}, high: 9}",
        "primitives.lines.dash={dist: axis, name: k, to: [solid, dashed, dotted]}",
        "primitives.lines.color={dist: axis, name: k, to: [red, '#00ff00', [0, 0, 255]]}",
        "canvas.background={dist: axis, name: k, to: [white, black, grey]}",
        "effects.blur.sigma={dist: axis, name: k}",
    ],
)
def test_they_may_stand_wherever_a_distribution_may(override: str) -> None:
    overrides = [*TINY, "axes.values.k=[1,2,3]", "effects=[blur]", override]
    straight, back = Generator.from_config(overrides), Generator.from_config(overrides)
    ahead = [straight[index] for index in range(9)]
    assert len({str(sample.record) for sample in ahead}) == 9
    for index in reversed(range(9)):
        assert back[index].record == ahead[index].record
        assert np.array_equal(back[index].image, ahead[index].image)
    config = api.config(overrides)
    assert Config.from_mapping(config.to_mapping()) == config


def test_a_mapping_of_another_program_may_have_axes() -> None:
    turn = {"axis": "linspace", "low": 0, "high": 90, "size": 4}
    lines = {"count": 2, "angle": {"dist": "axis", "name": "turn"}}
    data = Dataset.from_config(
        {
            "primitives": {"lines": lines},
            "axes": {"product": {"values": {"turn": turn, "copy": 2}}},
            "canvas": {"size": [32, 24]},
        }
    )
    assert len(data) == 8
    assert [s["record"]["marks"][0]["params"]["angle"] for s in data] == [
        0,
        0,
        30,
        30,
        60,
        60,
        90,
        90,
    ]


def test_shared_streams_stay_the_same_along_an_axis_and_others_do_not() -> None:
    overrides = [*TINY, "axes.values={sequence: 2, frame: 4}", "axes.shared={geometry: [frame]}"]
    records = [Generator.from_config(overrides)[k].record for k in range(8)]
    x = [[mark["params"]["x"] for mark in record["marks"]] for record in records]
    assert x[:4] == [x[0]] * 4
    assert x[4:] == [x[4]] * 4
    assert x[0] != x[4]
    assert len({str([m["params"]["color"] for m in r["marks"]]) for r in records[:4]}) > 1


def test_a_key_of_the_config_may_be_an_axis() -> None:
    overrides = [*TINY, "axes.values.side=[[16,16],[40,20]]", "axes.bind.side=canvas.size"]
    overrides += ["axes.values.format=[png,jpeg]", "axes.bind.format=encoder"]
    generator = Generator.from_config(overrides)
    sizes = [generator[k].image.shape for k in range(4)]
    assert sizes == [(16, 16, 3)] * 2 + [(20, 40, 3)] * 2
    for k in range(4):
        record, files = generator.encode(generator[k])
        beginning = b"\xff\xd8" if k % 2 else b"\x89PNG"
        assert files[record["file_name"]].startswith(beginning)
        assert np.array_equal(generator.image(k), generator[k].image)
    config = api.config(overrides)
    assert Config.from_mapping(config.to_mapping()) == config


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["axes.values.k=3", "primitives.lines.width={dist: axis, name: j}"], "known: k"),
        (["primitives.lines.width={dist: axis, name: j}"], "there are none"),
        (["axes.values.k=[-1,2]", "primitives.lines.width={dist: axis, name: k}"], "-1 can be"),
        (["axes.values.k=[a]", "primitives.lines.width={dist: axis, name: k}"], "not a number"),
        (["axes.values.k=[a]", "primitives.lines.dash={dist: axis, name: k}"], "'a' is unknown"),
        (
            ["axes.values.k=3", "primitives.lines.dash={dist: axis, name: k, to: [solid]}"],
            "1 values",
        ),
        (["axes.values.k=3", "axes.bind.k=seed"], "axes.bind.k: 'seed'"),
        (["axes.values.k=3", "axes.bind.k=canvas.sise"], "did you mean 'size'"),
        (
            ["axes.values={a: 2, b: 2}", "axes.bind.a=canvas.dpi", "axes.bind.b=canvas.dpi"],
            "axes.bind: a and b are both bound to canvas.dpi",
        ),
        (
            ["axes.values={a: 2, b: [jpeg]}", "axes.bind.a=encoder.quality", "axes.bind.b=encoder"],
            "axes.bind: b is bound to encoder, which holds encoder.quality of a; name it first",
        ),
        (["axes.values.k=[gif]", "axes.bind.k=encoder"], "'gif' is not an option"),
        (["axes.values.k=99", "axes.bind.k=canvas.dpi"], "99 combinations"),
    ],
)
def test_bad_coordinates_are_one_sentence(overrides: list[str], words: str) -> None:
    grid = ["axes=product"] if any("axes.values" in o for o in overrides) else []
    with pytest.raises(ConfigError) as caught:
        api.config([*grid, *overrides])
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
