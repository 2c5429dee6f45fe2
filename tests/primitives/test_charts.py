"""Charts: boxes sit on the pixels, and the table is found again from boxes and axes."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import shapely
from processes import environment

from synthdata.components import build
from synthdata.compose import compose
from synthdata.distributions import Constant
from synthdata.errors import ConfigError
from synthdata.generator import Generator, Sample
from synthdata.labels import Boxes, InstanceMask, Marks, Texts
from synthdata.primitives import Charts, Primitive
from synthdata.primitives.charts import KINDS
from synthdata.sample_config import Canvas, SampleConfig
from synthdata.scene import Style

SIZE = (320, 300)
LABELS = {"marks": Marks(), "mask": InstanceMask(), "boxes": Boxes(), "texts": Texts()}


def samples(n: int = 3, seed: int = 0, **given: Any) -> list[Sample]:
    fields = {name: Constant(value) for name, value in given.items()}
    config = SampleConfig(
        seed=seed,
        canvas=Canvas(size=SIZE),
        primitives={"charts": Charts(**fields)},
        labels=LABELS,
    )
    generator = Generator(config)
    return [generator[i] for i in range(n)]


def chart_of(sample: Sample) -> dict[str, Any]:
    chart = sample.record["marks"][0]
    assert chart["category"] == "chart"
    return dict(chart["params"])


def parts(sample: Sample, category: str) -> list[dict[str, Any]]:
    return [mark for mark in sample.record["marks"] if mark["category"] == category]


class Axis:
    """One axis, read from the record alone: from pixels to numbers."""

    def __init__(self, sample: Sample, name: str) -> None:
        chart = sample.record["marks"][0]
        corners = np.array(chart["keypoints"])
        low, high = chart["params"][f"{name}_range"]
        self.log = chart["params"][f"{name}_scale"] == "log"
        self.ends = [math.log(v) if self.log else v for v in (low, high)]
        k = "xy".index(name)
        first, last = corners[:, k].min(), corners[:, k].max()
        self.pixels = (first, last) if name == "x" else (last, first)

    def value(self, pixel: float) -> float:
        share = (pixel - self.pixels[0]) / (self.pixels[1] - self.pixels[0])
        found = self.ends[0] + share * (self.ends[1] - self.ends[0])
        return math.exp(found) if self.log else float(found)

    def step(self) -> float:
        """What a 100th of a pixel stands for."""
        return abs(self.ends[1] - self.ends[0]) / abs(self.pixels[1] - self.pixels[0]) / 100


def test_the_shipped_config_is_the_class_with_its_defaults() -> None:
    node = compose(["primitives=charts"])["primitives"]["charts"]
    assert build(node, Primitive, "charts") == Charts()


@pytest.mark.parametrize("lying", [False, True])
@pytest.mark.parametrize("kind", ["bar", "grouped_bar", "stacked_bar"])
def test_the_table_is_found_again_from_the_bars(kind: str, lying: bool) -> None:
    for sample in samples(kind=kind, horizontal=lying):
        chart, axis = chart_of(sample), Axis(sample, "x" if lying else "y")
        found: dict[tuple[str, str], float] = {}
        for bar in parts(sample, "bar"):
            x, y, w, h = bar["bbox"]
            ends = (x, x + w) if lying else (y + h, y)
            low, high = (axis.value(p) for p in ends)
            found[bar["params"]["row"], bar["params"]["series"]] = high - low
        for row in chart["rows"]:
            for name, value in zip(chart["columns"][1:], row[1:], strict=True):
                assert found[row[0], name] == pytest.approx(value, abs=2 * axis.step())


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", ["line", "scatter"])
def test_the_table_is_found_again_from_the_points(kind: str, log: bool) -> None:
    for sample in samples(kind=kind, log=log):
        chart, x, y = chart_of(sample), Axis(sample, "x"), Axis(sample, "y")
        assert chart["y_scale"] == ("log" if log else "linear")
        rows = {
            (row[0], n): v
            for row in chart["rows"]
            for n, v in zip(chart["columns"][1:], row[1:], strict=True)
        }
        points = parts(sample, "point")
        assert len(points) == len(rows)
        for point in points:
            left, top, w, h = point["bbox"]
            row, name = point["params"]["row"], point["params"]["series"]
            assert x.value(left + w / 2) == pytest.approx(row, abs=2 * x.step())
            above = 0.0 if name == chart["columns"][1] else None
            found = y.value(top + h / 2)
            if above == 0.0:  # a circle, whose box has its centre in the middle
                tolerance = 2 * y.step() * (found if log else 1.0)
                assert found == pytest.approx(rows[row, name], abs=tolerance)
            else:
                assert y.value(top + h) <= rows[row, name] <= y.value(top)


def test_the_table_is_found_again_from_wedges() -> None:
    for sample in samples(kind="pie"):
        chart = chart_of(sample)
        mask, wedges = sample.masks["mask"], parts(sample, "wedge")
        texts = [m["id"] for m in parts(sample, "text") if m["params"]["role"] == "share"]
        total = sum(row[1] for row in chart["rows"])
        area = {w["id"]: float((mask == w["id"]).sum()) for w in wedges}
        whole = sum(area.values()) + float(np.isin(mask, texts).sum())
        assert [[w["params"]["row"], w["params"]["value"]] for w in wedges] == chart["rows"]
        for wedge in wedges:
            share = wedge["params"]["value"] / total
            assert area[wedge["id"]] / whole == pytest.approx(share, abs=0.03)
            assert wedge["params"]["share"] == pytest.approx(100 * share, abs=0.051)


def test_histograms_count_their_samples() -> None:
    for sample in samples(kind="histogram"):
        chart, x, y = chart_of(sample), Axis(sample, "x"), Axis(sample, "y")
        values = np.array(chart["rows"])[:, 0]
        bars = parts(sample, "bar")
        assert sum(bar["params"]["value"] for bar in bars) == len(values)
        for bar in bars:
            low, high = bar["params"]["edges"]
            last = bar is bars[-1]
            inside = (values >= low) & ((values <= high) if last else (values < high))
            assert inside.sum() == bar["params"]["value"]
            left, top, w, h = bar["bbox"]
            edge = 0.4  # half of the white line around it
            assert x.value(left + edge) == pytest.approx(low, abs=2 * x.step())
            assert x.value(left + w - edge) == pytest.approx(high, abs=2 * x.step())
            assert y.value(top + edge) == pytest.approx(bar["params"]["value"], abs=2 * y.step())


def test_boxes_show_the_quartiles_of_their_samples() -> None:
    for sample in samples(kind="box"):
        chart, axis = chart_of(sample), Axis(sample, "y")
        for k, box in enumerate(parts(sample, "box")):
            values = np.array(chart["rows"])[:, k]
            assert box["params"]["series"] == chart["columns"][k]
            quartiles = np.percentile(values, (25, 50, 75))
            np.testing.assert_allclose(box["params"]["quartiles"], quartiles, atol=1e-3)
            far = 1.5 * (quartiles[2] - quartiles[0])
            kept = values[(values >= quartiles[0] - far) & (values <= quartiles[2] + far)]
            whiskers = box["params"]["whiskers"]
            np.testing.assert_allclose(whiskers, (kept.min(), kept.max()), atol=1e-3)
            _, top, _, height = box["bbox"]
            room = 500 * axis.step()  # half of a line, or of a point further out
            assert axis.value(top) == pytest.approx(values.max(), abs=room)
            assert axis.value(top + height) == pytest.approx(values.min(), abs=room)


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_sit_on_the_pixels(kind: str) -> None:
    """What nothing covers: the box of a bar, point or wedge is that of its pixels."""
    checked = 0
    for sample in samples(2, kind=kind):
        mask = sample.masks["mask"]
        for mark, label in zip(sample.scene.marks, sample.record["marks"], strict=True):
            if mark.category not in ("bar", "point", "wedge", "box") or label["bbox"] is None:
                continue
            rows, columns = np.nonzero(mask == label["id"])
            x, y, w, h = label["bbox"]
            if len(rows) < 9 or w < 3 or h < 3:
                continue
            assert x - 0.01 <= columns.min() + 0.5
            assert columns.max() + 0.5 <= x + w + 0.01
            assert y - 0.01 <= rows.min() + 0.5
            assert rows.max() + 0.5 <= y + h + 0.01
            inner = mark.category == "bar" and kind in ("bar", "grouped_bar", "stacked_bar")
            if inner and mark.style.fill:
                core = sample.image[
                    math.ceil(y) : math.floor(y + h), math.ceil(x) : math.floor(x + w)
                ]
                seen = (mask == label["id"])[
                    math.ceil(y) : math.floor(y + h), math.ceil(x) : math.floor(x + w)
                ]
                if seen.any():
                    same = (core == mark.style.fill).all(axis=2)
                    assert same[seen].mean() > 0.9
                    assert seen.mean() > 0.5
            checked += 1
    assert checked > 3 or kind == "box"


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_those_of_the_chart(kind: str) -> None:
    for sample in samples(kind=kind):
        chart = chart_of(sample)
        roles = Counter(m["params"]["role"] for m in parts(sample, "text"))
        texts: dict[str, list[str]] = {}
        for m in parts(sample, "text"):
            texts.setdefault(m["params"]["role"], []).append(m["params"]["text"])
        assert texts["title"] == [chart["title"]]
        if kind == "pie":
            assert texts["legend"] == [row[0] for row in chart["rows"]]
            assert len(parts(sample, "legend")) == 1
            continue
        assert roles["x_label"] == roles["y_label"] == 1
        for name in "xy":
            assert texts[f"{name}_label"] == [chart[f"{name}_label"]]
            assert texts[f"{name}_tick"] == chart[f"{name}_tick_texts"]
            axis = Axis(sample, name)
            for m in parts(sample, "text"):
                if (
                    m["params"]["role"] == f"{name}_tick"
                    and not axis.log
                    and not m["params"]["angle"]
                ):
                    x, y, w, h = m["bbox"]
                    centre = x + w / 2 if name == "x" else y + h / 2
                    assert axis.value(centre) == pytest.approx(
                        m["params"]["value"], abs=600 * axis.step()
                    )
                    if chart[f"{name}_scale"] == "linear":
                        assert float(m["params"]["text"]) == pytest.approx(
                            m["params"]["value"], rel=0.01
                        )
        assert len(parts(sample, "legend")) == ("legend" in texts)
        if "legend" in texts:
            assert texts["legend"] == chart["columns"][1:]
        assert len(sample.record["texts"]) == len(parts(sample, "text"))


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_on_the_canvas(kind: str) -> None:
    for sample in samples(2, kind=kind, size=0.034):
        for mark in sample.scene.marks:
            x0, y0, x1, y1 = mark.bounds
            assert x0 > -1
            assert y0 > -1
            assert x1 < SIZE[0] + 1
            assert y1 < SIZE[1] + 1


def test_no_setting_of_the_user_matters() -> None:
    plain = [s.scene.to_dict() for s in samples(4)]
    with mpl.rc_context(
        {"font.size": 31, "axes.grid": True, "lines.linewidth": 9, "figure.dpi": 50}
    ):
        assert [s.scene.to_dict() for s in samples(4)] == plain
        assert mpl.rcParams["font.size"] == 31
    assert plain[0] != plain[1]


def test_threads_leave_the_settings_of_the_process_alone() -> None:
    before = dict(mpl.rcParams)
    expected = [s.scene.to_dict() for s in samples(2)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: [s.scene.to_dict() for s in samples(2)], range(4)))
    assert found == [expected] * 4
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("size", [(40, 40), (24, 160), (160, 24)])
def test_small_canvases(size: tuple[int, int]) -> None:
    config = SampleConfig(canvas=Canvas(size=size), primitives={"charts": Charts()})
    for i in range(6):
        assert Generator(config)[i].image.shape == (size[1], size[0], 3)


def test_looks_leave_the_table_as_it_was() -> None:
    for a, b in zip(samples(look="plain"), samples(look="panel"), strict=True):
        assert chart_of(a)["rows"] == chart_of(b)["rows"]
        assert chart_of(a)["kind"] == chart_of(b)["kind"]


def test_no_pyplot_and_nothing_heavy_before_it_is_drawn() -> None:
    code = """
import sys
from synthdata import Generator
from synthdata.primitives import Charts
Charts()
assert "matplotlib" not in sys.modules
Generator.from_config(["primitives=charts", "canvas.size=[99,99]"])[0]
assert "matplotlib.figure" in sys.modules
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True)


@pytest.mark.parametrize(
    ("key", "value"), [("kind", "pies"), ("look", "dark"), ("rows", 1), ("font", "Comic")]
)
def test_bad_values_are_refused(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=key):
        Charts(**{key: Constant(value)})


def test_a_style_of_nothing_is_there_for_pies() -> None:
    (sample,) = samples(1, kind="pie")
    assert sample.scene.marks[0].style == Style(stroke=None, fill=None, width=0.0)
    assert not (sample.masks["mask"] == 1).any()


@pytest.mark.parametrize("kind", ["bar", "grouped_bar", "box"])
def test_names_do_not_run_into_each_other(kind: str) -> None:
    """Where there is no room side by side they are turned."""
    turned = set()
    for sample in samples(4, kind=kind, rows=7, series=3, horizontal=False):
        names = [m for m in sample.scene.marks if m.params.get("role") == "x_tick"]
        turned |= {m.params["angle"] for m in names}
        regions = []
        for m in names:
            corners = {n: (x, y) for n, x, y in m.keypoints}
            regions.append(shapely.Polygon([corners[f"corner_{k}"] for k in range(4)]))
        for a, b in itertools.pairwise(regions):
            assert not a.intersects(b)
    assert turned <= {0.0, 325.0}
