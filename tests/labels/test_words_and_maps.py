"""Texts, image-level labels, captions, questions and dense maps, each by a second way."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
import shapely
from label_cases import (
    SIDE,
    circle,
    line,
    lines_of,
    on_canvas,
    painted,
    scene,
    scene_of,
    truth_of,
    warps,
)
from shapely.geometry import Polygon

import synthdata.primitives as shipped
from synthdata import Generator, geometry
from synthdata.compose import conf_dir
from synthdata.distributions import Constant, Uniform
from synthdata.errors import ConfigError
from synthdata.labels import (
    AttractionMap,
    Captions,
    DistanceMap,
    EdgeMap,
    ImageLevel,
    JunctionMap,
    Marks,
    Questions,
    Relations,
    Texts,
    Truth,
)
from synthdata.labels.categories import CATEGORIES
from synthdata.labels.wording import calls, color_name
from synthdata.primitives import fonts
from synthdata.scene import Mark, Scene

MIXED = shipped.Mixed(count=Constant(6))
ASKING = {"captions_llm"}  # which needs a model's replies: see tests/services
LABELS = sorted({p.stem for p in (conf_dir() / "labels").glob("*.yaml")} - ASKING)


@pytest.mark.parametrize("look", [{}, {"width": Uniform(1.0, 3.0)}, {"angle": Uniform(0.0, 360.0)}])
def test_text_polygons_are_the_boxes_of_the_glyphs(look: dict) -> None:
    """Set again by the module of fonts, which knows which part of the path is which letter."""
    primitive = shipped.Text(words=Constant(2), font=Constant("DejaVuSans"), **look)
    for seed in range(6):
        base = scene_of(primitive, seed)
        for item in Texts().fields(truth_of(base))["texts"]:
            mark = base.marks[item["id"] - 1]
            text = fonts.set_line(fonts.font_files(None)["DejaVuSans"], mark.params["text"])
            upright = text.vertices * mark.params["size"]
            letters = [c for word in item["words"] for c in word["characters"]]
            assert len(letters) == len(text.letters)
            assert item["text"] == mark.params["text"]
            assert [word["text"] for word in item["words"]] == item["text"].split()
            for letter, shown in zip(text.letters, letters, strict=True):
                assert shown["text"] == letter.char
                x0, y0, x1, y1 = geometry.painted_bounds(
                    upright[letter.span], text.codes[letter.span], mark.style
                )
                corners = np.array(((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
                at = (mark.params["x"], mark.params["y"])
                placed = geometry.place(corners, mark.params["angle"], at)
                assert np.allclose(np.reshape(shown["polygon"], (4, 2)), placed, atol=2e-3)
            for word in item["words"]:
                around = Polygon(np.reshape(word["polygon"], (4, 2))).buffer(0.01)
                assert all(
                    around.contains(Polygon(np.reshape(c["polygon"], (4, 2))))
                    for c in word["characters"]
                )
                assert (
                    Polygon(np.reshape(item["polygon"], (4, 2)))
                    .buffer(0.01)
                    .contains(around.buffer(-0.02))
                )


def test_text_polygons_hold_the_pixels_of_the_warped_text() -> None:
    for seed in range(4):
        truth = truth_of(scene_of(shipped.Text(), seed), *warps(SIDE, SIDE, seed))
        for item in Texts().fields(truth)["texts"]:
            around = Polygon(np.reshape(item["polygon"], (4, 2))).buffer(2.0)
            pixels = np.argwhere(on_canvas(truth, item["id"] - 1))[:, ::-1].T + 0.5
            assert shapely.contains_xy(around, *pixels).all()


@pytest.mark.parametrize("warped", [False, True])
def test_boxes_of_characters_are_those_of_what_is_shown(warped: bool) -> None:
    """Cut and moved by shapely, letter by letter as the module of fonts tells them apart."""
    primitive = shipped.Text(words=Constant(2), font=Constant("DejaVuSans"), size=Uniform(0.1, 0.3))
    near = 0.01 if warped else 0.07  # px: sides like those of the whole letter are taken from it
    checked = Counter[bool]()
    for seed in range(4):
        truth = truth_of(scene_of(primitive, seed), *(warps(SIDE, SIDE, seed) if warped else ()))
        canvas = shapely.box(0, 0, SIDE, SIDE)
        for mark, item in zip(truth.scene.marks, Marks().fields(truth)["marks"], strict=True):
            text = fonts.set_line(fonts.font_files(None)["DejaVuSans"], mark.params["text"])
            parts = [part for part in item["parts"] if part["kind"] == "char"]
            words = [part for part in item["parts"] if part["kind"] == "word"]
            shown = []
            for letter, part in zip(text.letters, parts, strict=True):
                area = shapely.intersection(_glyph(mark, letter.span), canvas)
                for change in truth.moves:
                    area = shapely.transform(shapely.segmentize(area, 0.5), change.points)
                    area = shapely.intersection(shapely.make_valid(area), canvas)
                box = _corners(part["bbox"])
                checked[box is None] += 1
                if area.is_empty or box is None:
                    assert box is None
                    assert area.area < 0.01
                else:
                    assert np.allclose(box, area.bounds, atol=near)
                    shown.append(area)
            if shown and len(words) == 1:
                bounds = shapely.union_all(shown).bounds
                assert np.allclose(_corners(words[0]["bbox"]), bounds, atol=near)
    assert checked[False] > 50
    assert checked[True] > 3


def _corners(box: list[float] | None) -> tuple[float, ...] | None:
    return box and (box[0], box[1], box[0] + box[2], box[1] + box[3])


def _glyph(mark: Mark, span: slice) -> Any:
    """The area of a filled letter: holes are contours within others."""
    area = Polygon()
    for ring, _ in geometry.flatten(mark.vertices[span], mark.codes[span], 0.001):
        if len(ring) > 2:
            area = shapely.symmetric_difference(area, shapely.make_valid(Polygon(ring)))
    return area


def test_letters_within_the_boxes_of_others() -> None:
    """Turned by 45 degrees the box of an L holds the full stop after it."""
    primitive = shipped.Text(vocabulary=("L.L'i%L.",), words=Constant(1), angle=Constant(-45.0))
    truth = truth_of(scene_of(primitive, 0, 400))
    for item in Texts().fields(truth)["texts"]:
        assert [c["text"] for c in item["words"][0]["characters"]] == list("L.L'i%L.")
        full, stop = (
            Polygon(np.reshape(c["polygon"], (4, 2))) for c in item["words"][0]["characters"][:2]
        )
        assert stop.area < full.area / 4
        assert full.intersection(stop).area < 0.1


def test_image_level_counts_what_is_seen() -> None:
    lid = line((20, 20), (90, 20), (90, 90), (20, 90), closed=True, fill=(9, 9, 9))
    under, off = circle(50, 50, 9), circle(-50, 50, 9)
    found = ImageLevel().fields(truth_of(scene(under, lid, off, circle(120, 120, 9))))
    assert found["counts"] == {"circle": 1, "polygon": 1}
    assert found["class"] is None
    assert [node["id"] for node in found["graph"]["nodes"]] == [2, 4]
    edges = [tuple(edge.values()) for edge in found["graph"]["edges"]]
    assert edges == [(2, "left_of", 4), (2, "above", 4)]
    assert ImageLevel().fields(truth_of(scene(under)))["class"] == "circle"


def test_the_graph_has_the_relations() -> None:
    for seed in range(5):
        truth = truth_of(scene_of(MIXED, seed))
        level, found = ImageLevel().fields(truth), Relations().fields(truth)["relations"]
        known = {node["id"] for node in level["graph"]["nodes"]}
        edges = [(e["subject"], e["relation"], e["object"]) for e in level["graph"]["edges"]]
        for name in ("left_of", "above", "contains"):
            ours = [[a, b] for a, r, b in edges if r == name]
            assert ours == [p for p in found[name] if set(p) <= known]
        crossing = [item["ids"] for item in found["intersections"] if item["count"]]
        assert [[a, b] for a, r, b in edges if r == "crosses"] == [
            p for p in crossing if set(p) <= known
        ]


def test_color_names() -> None:
    for text, name in (("#e6324b", "red"), ("#2a9fe0", "sky blue"), ("#000000", "black")):
        assert color_name(tuple(bytes.fromhex(text[1:]))) == name
    assert color_name((201, 107, 70)) is None


def simple(count: int) -> shipped.Mixed:
    kinds = {
        "l": shipped.Lines(width=Uniform(1.5, 4.0)),
        "k": shipped.Curves(width=Uniform(1.5, 4.0)),
        "c": shipped.Circles(width=Uniform(1.5, 4.0)),
        "r": shipped.Rectangles(width=Uniform(1.5, 4.0)),
        "p": shipped.Polylines(width=Uniform(1.5, 4.0)),
        "t": shipped.Text(),
    }
    return shipped.Mixed(count=Constant(count), primitives=kinds)


def the(scene: Scene, phrase: str) -> int:
    """The one mark that a phrase fits, found in a simple-minded way."""
    if phrase.startswith("text "):
        (found,) = (
            k for k, m in enumerate(scene.marks) if f'text "{m.params.get("text")}"' == phrase
        )
        return found
    *color, category = phrase.split()
    (found,) = (
        k
        for k, m in enumerate(scene.marks)
        if m.category == category and (not color or color[-1] in calls(m))
    )
    return found


PHRASE = (
    r"[Tt]he (text \"[^\"]*\"|(?:[a-z]+ ){0,2}?(?:line|curve|circle|rectangle|polyline|text)\b)"
)


def check(truth: Truth, item: dict) -> None:
    """That the answer to a question is right, by shapely and by pixels."""
    marks, ids = truth.scene.marks, truth.ids()
    phrases = re.findall(PHRASE, item["question"])
    if item["kind"] == "count":
        noun = (
            item["question"].split()[2].rstrip("?")
            if "How" in item["question"]
            else item["question"].split()[2]
        )
        category = {"crosses": "cross"}.get(noun, noun.removesuffix("s"))
        there = {int(k) for k in np.unique(ids)} - {0}
        assert int(item["answer"]) == sum(marks[k - 1].category == category for k in there)
    elif item["kind"] == "exists":
        color, noun = re.search(r" an? (\w+) (\w+)", item["question"]).groups()
        same = [m for m in marks if m.category == noun and color in calls(m)]
        seen = [m for m in same if any(m is marks[k - 1] for k in np.unique(ids) if k)]
        assert (item["answer"] == "yes") == bool(seen)
    elif item["kind"] == "color":
        (k,) = item["ids"]
        style = marks[k - 1].style
        assert color_name(style.fill or style.stroke) == item["answer"]
    elif item["kind"] == "crossings":
        a, b = item["ids"]
        canvas = shapely.box(0, 0, SIDE, SIDE)
        met = lines_of(marks[a - 1]).intersection(lines_of(marks[b - 1])).intersection(canvas)
        assert len(shapely.get_coordinates(met)) == int(item["answer"])
    elif item["kind"] in ("left_of", "above"):
        a, b = item["ids"]
        axis = 1 if item["kind"] == "left_of" else 0
        one, other = (np.argwhere(on_canvas(truth, k - 1))[:, axis] for k in (a, b))
        assert item["answer"] == ("yes" if one.max() <= other.min() else "no")
        if item["answer"] == "no":
            assert other.max() <= one.min()
    elif item["kind"] == "inside":
        a, b = item["ids"]
        region = painted(marks[b - 1]._replace(style=marks[b - 1].style._replace(fill=(0, 0, 0))))
        pixels = np.argwhere(on_canvas(truth, a - 1))[:, ::-1].T + 0.5
        within = shapely.contains_xy(region.buffer(1.0), *pixels)
        assert within.all() if item["answer"] == "yes" else not within.all()
    elif item["kind"] == "in_front":
        a, b = item["ids"]
        both = on_canvas(truth, a - 1) & on_canvas(truth, b - 1)
        assert (ids[both] == b).sum() >= 30
        assert not (ids[both] == a).any()
        assert the(truth.scene, item["answer"].removeprefix("the ")) == b - 1
    else:
        (k,) = item["ids"]
        assert item["answer"] == marks[k - 1].params["text"]
    if item["kind"] not in ("count", "exists", "text"):
        assert phrases
        assert {the(truth.scene, phrase) + 1 for phrase in phrases} == set(item["ids"])


def test_answers_are_right() -> None:
    asked = Counter()
    for seed in range(120):
        truth = truth_of(scene_of(simple(3 + seed % 4), seed))
        found = Questions(count=12).fields(truth)
        for item in found["questions"]:
            check(truth, item)
            asked[item["kind"], item["answer"] in ("no", "0")] += 1
        texts = [m["content"][-1]["text"] for m in found["messages"]]
        assert texts[::2] == [q["question"] for q in found["questions"]]
        assert texts[1::2] == [q["answer"] for q in found["questions"]]
        assert [m["role"] for m in found["messages"][:2]] == ["user", "assistant"][: len(texts)]
        assert sum(
            part["type"] == "image" for m in found["messages"] for part in m["content"]
        ) == bool(texts)
    assert {kind for kind, _ in asked} == set(Questions().kinds)
    for kind in ("crossings", "exists", "left_of"):
        assert asked[kind, True] > 3, kind
        assert asked[kind, False] > 3, kind


def test_inside_is_asked_either_way() -> None:
    answers = Counter()
    for seed in range(60):
        small = simple(3)
        around = line((20, 20), (140, 25), (130, 135), (25, 140), closed=True, width=2.0)
        base = scene_of(small, seed)
        truth = truth_of(base._replace(marks=(around._replace(category="rectangle"), *base.marks)))
        for item in Questions(kinds=("inside",)).fields(truth)["questions"]:
            check(truth, item)
            answers[item["answer"]] += 1
    assert min(answers["yes"], answers["no"]) > 3


def test_two_red_lines_are_not_told_apart() -> None:
    red = {"stroke": (230, 50, 75), "width": 4.0}
    cross = line((20, 20), (140, 140), **red), line((20, 140), (140, 20), **red)
    kinds = {q["kind"] for q in Questions().fields(truth_of(scene(*cross)))["questions"]}
    assert kinds <= {"count", "exists"}
    blue = cross[1]._replace(style=cross[1].style._replace(stroke=(63, 95, 214)))
    found = Questions(kinds=("crossings",)).fields(truth_of(scene(cross[0], blue)))["questions"]
    assert [(q["answer"], q["ids"]) for q in found] == [("1", [1, 2])]
    lid = circle(80, 80, 20, fill=(10, 10, 10))  # hides the crossing
    assert not Questions(kinds=("crossings",)).fields(truth_of(scene(cross[0], blue, lid)))[
        "questions"
    ]


def test_captions_count_what_they_say() -> None:
    numbers = dict(
        zip(("a", "an", "two", "three", "four", "five", "six"), (1, 1, 2, 3, 4, 5, 6), strict=True)
    )
    for seed in range(40):
        truth = truth_of(scene_of(simple(4), seed))
        caption = Captions(relations=0).fields(truth)["caption"]
        words = caption.lower().rstrip(".").replace(",", "").split()
        told = sum(numbers[w] for w in words if w in numbers and not caption.startswith(f"A {w}"))
        things = sum(numbers.get(w, 0) for w in words) - words.count("picture") * words[:1].count(
            "a"
        )
        assert told or "nothing" in caption or things
        assert (
            Captions(relations=0, messages=True).fields(truth)["messages"][1]["content"][0]["text"]
            == caption
        )
    one = Captions(relations=0).fields(truth_of(scene(circle(80, 80, 40, width=3.0))))["caption"]
    assert "black circle" in one


def test_options_are_checked() -> None:
    for wrong in (
        lambda: Questions(count=0),
        lambda: Questions(kinds=("why",)),
        lambda: DistanceMap(limit=0),
        lambda: JunctionMap(sigma=0.0),
        lambda: AttractionMap(reach=200),
    ):
        with pytest.raises(ConfigError):
            wrong()
    with pytest.raises(ConfigError, match=r"labels\.questions"):
        Questions().fields(Truth(scene()))


def test_distances_by_brute_force() -> None:
    truth = truth_of(scene_of(simple(3), 1, 40))
    found = (DistanceMap(limit=9).images(truth)["distance"].astype(float) - 32768) / 256
    on = truth.ids() != 0
    y, x = np.indices(on.shape)
    for kind, sign in ((True, -1), (False, 1)):
        others = np.argwhere(on != kind)
        gap = np.hypot(y[..., None] - others[:, 0], x[..., None] - others[:, 1]).min(axis=2) - 0.5
        assert np.allclose(found[on == kind], sign * np.minimum(gap, 9)[on == kind], atol=0.002)


def test_edges_by_brute_force() -> None:
    ids = (truth := truth_of(scene_of(simple(5), 2, 50))).ids().astype(int)
    found = EdgeMap().images(truth)["edges"]
    wide = np.pad(ids, 1, constant_values=99)
    for y, x in np.ndindex(ids.shape):
        around = wide[y, x + 1], wide[y + 2, x + 1], wide[y + 1, x], wide[y + 1, x + 2]
        assert (found[y, x] == 255) == any(n < ids[y, x] for n in around)


def test_junctions_peak_where_marks_meet() -> None:
    truth = truth_of(scene(line((10.5, 10.5), (90.5, 90.5)), line((10.5, 90.5), (90.5, 10.5))))
    heat = JunctionMap(sigma=3.0).images(truth)["junctions"]
    assert heat[50, 50] == 65535
    assert heat[50, 53] == round(65535 * math.exp(-0.5))
    assert heat[50, 63] == 0
    assert (heat > 0).sum() == pytest.approx(math.pi * 12**2, rel=0.03)


def test_attraction_is_the_nearest_point_by_shapely() -> None:
    for seed in range(2):
        truth = truth_of(scene_of(simple(4), seed, 64), *warps(64, 64, seed))
        maps = AttractionMap(reach=10).images(truth)
        from synthdata.labels.ideal import outline

        lines = []
        for mark in truth.scene.marks:
            vertices, codes = outline(mark)
            drawn = lines_of(mark._replace(vertices=vertices, codes=codes), 64)
            lines += [truth.points(np.array(part.coords)) for part in drawn.geoms]
        drawn = shapely.MultiLineString(lines)
        y, x = np.indices((64, 64)) + 0.5
        gap = shapely.distance(drawn, shapely.points(x, y))
        dx, dy = (
            (maps[name].astype(float) - 32768) / 256 for name in ("attraction_x", "attraction_y")
        )
        near = maps["attraction_x"] > 0
        assert (near == (gap < 10))[np.abs(gap - 10) > 0.1].all()
        assert np.allclose(np.hypot(dx, dy)[near], gap[near], atol=0.07)
        foot = shapely.points((x + dx)[near], (y + dy)[near])
        assert shapely.distance(drawn, foot).max() < 0.07
        angle = np.deg2rad((maps["orientation"][near].astype(float) - 1) * 180 / 65534)
        across = dx[near] * np.cos(angle) + dy[near] * np.sin(angle)
        assert (np.abs(across) < 0.05).mean() > 0.5  # the rest is nearest to an end or a corner
        assert (maps["orientation"][~near] == 0).all()


def test_the_shipped_categories_are_all_there_are() -> None:
    label: Any = Generator.from_config(["labels=[semantic_mask]"]).config.labels["semantic_mask"]
    assert label.categories == CATEGORIES


@pytest.mark.parametrize("effects", [[], ["effects=perspective"]])
def test_all_labels_at_once_and_one_by_one(effects: list[str]) -> None:
    """The order and company of labels decide nothing."""
    base = ["primitives=mixed", "canvas.size=[96,80]", *effects]
    every = Generator.from_config([*base, f"labels=[{','.join(LABELS)}]"])
    turned = dict(reversed(every.config.labels.items()))
    back = Generator(dataclasses.replace(every.config, labels=turned))
    for index in range(3):
        sample, other = every[index], back[index]
        assert json.loads(json.dumps(sample.record)) == other.record
        assert {name for label in every.config.labels.values() for name in label.names} == set(
            sample.masks
        )
        for name, image in sample.masks.items():
            assert np.array_equal(image, other.masks[name])
            assert image.dtype in (np.uint8, np.uint16)
    whole = every[2]
    for name in LABELS:
        labels = {name: every.config.labels[name]}
        alone = Generator(dataclasses.replace(every.config, labels=labels))[2]
        assert alone.record.items() <= whole.record.items()
        for key, image in alone.masks.items():
            assert np.array_equal(image, whole.masks[key])


def test_an_empty_picture_has_labels_too() -> None:
    base = ["primitives=lines", "primitives.lines.count=0", "canvas.size=[40,30]"]
    sample = Generator.from_config([*base, f"labels=[{','.join(LABELS)}]"])[0]
    assert sample.record["marks"] == sample.record["segments"] == sample.record["boxes"] == []
    assert sample.record["counts"] == {}
    assert (sample.masks["clean"] == 255).all()
    still = {"distance", "flow_x", "flow_y"}  # which have 0 px in the middle of their numbers
    black = sample.masks.keys() - still - {"clean"}
    assert all((sample.masks[name] == 0).all() for name in black)
