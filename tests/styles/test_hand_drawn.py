"""Drawn by hand: near the ideal as stated, and labels are those of what is drawn."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import shapely

import synthdata.primitives as shipped
from synthdata import geometry
from synthdata.components import build
from synthdata.compose import compose
from synthdata.distributions import Constant, Uniform
from synthdata.effects import Camera, Lens
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.labels import InstanceMask, Marks, Segments, Texts, Truth
from synthdata.primitives import Primitive
from synthdata.renderers import Agg
from synthdata.sample_config import Canvas, SampleConfig
from synthdata.scene import Mark, Scene
from synthdata.styles import DrawingStyle, Exact, HandDrawn

SIDE = 200
NAMES = (
    *("Arcs", "Arrows", "Circles", "Crosses", "Curves", "Ellipses", "Grids"),
    *("Lines", "Polygons", "Polylines", "Rectangles", "Text"),
)
LABELS = {"marks": Marks(), "mask": InstanceMask(), "segments": Segments()}


def generator(primitive: Primitive, style: DrawingStyle, **given: Any) -> Generator:
    canvas = Canvas(size=(SIDE, SIDE))
    config = SampleConfig(canvas=canvas, primitives={"p": primitive}, style=style, labels=LABELS)
    return Generator(dataclasses.replace(config, **given))


@pytest.mark.parametrize("option", ["exact", "hand_drawn"])
def test_the_shipped_config_is_the_class_with_its_defaults(option: str) -> None:
    style = build(compose([f"style={option}"])["style"], DrawingStyle, "style")
    assert style == type(style)()


def ideal_of(mark: Mark) -> Any:
    paths = geometry.flatten(mark.vertices, mark.codes, 0.002)
    lines = [np.vstack((p, p[:1])) if closed else p for p, closed in paths]
    return shapely.MultiLineString(lines)


@pytest.mark.parametrize("deviation", [0.5, 3.0])
@pytest.mark.parametrize("name", NAMES)
def test_lines_stay_within_their_deviation(name: str, deviation: float) -> None:
    """All of each line of the pen, its overshoot by its own limit; and it does deviate."""
    style = HandDrawn(deviation=Constant(deviation), overshoot=Constant(4.0))
    drawn = generator(getattr(shipped, name)(width=Constant(2.0)), style)
    furthest, seen = 0.0, 0
    for index in range(1 if name == "Text" else 2):
        for mark in drawn.scene(index).marks:
            ideal = ideal_of(mark)
            shapely.prepare(ideal)
            limit = min(deviation, ideal.length / 40.0) + 0.06  # 0.05 px: curves become polylines
            for layer in mark.layers:
                if layer.pen is None:
                    continue
                line = shapely.LineString(layer.pen[1:-1, :2])
                near = shapely.points(shapely.get_coordinates(shapely.segmentize(line, 1.0)))
                assert shapely.dwithin(near, ideal, limit).all()
                tips = shapely.points(layer.pen[[0, -1], :2])
                assert (shapely.distance(tips, ideal) <= limit + 4.0).all()
                furthest = max(furthest, float(shapely.distance(near, ideal).max()))
                seen += 1
    assert seen
    assert furthest > 0.2 * deviation


@pytest.mark.parametrize("overshoot", [0.0, 6.0])
def test_lines_run_on_past_their_ends(overshoot: float) -> None:
    style = HandDrawn(deviation=Constant(0.0), overshoot=Constant(overshoot))
    found = []
    for mark in generator(shipped.Lines(count=Constant(20)), style).scene(0).marks:
        (start, end), (pen, *_) = mark.vertices, [p.pen for p in mark.layers if p.pen is not None]
        along = (end - start) / np.linalg.norm(end - start)
        found += [(start - pen[0, :2]) @ along, (pen[-1, :2] - end) @ along]
    assert min(found) >= -1e-6
    assert 0.8 * overshoot <= max(found) <= overshoot + 1e-6
    assert np.mean(found) == pytest.approx(overshoot / 2, abs=0.2 * overshoot + 1e-6)


def test_lines_miss_the_corners() -> None:
    """Each is put where its own ends are, so that two do not meet where they should."""
    style = HandDrawn(deviation=Constant(2.0), overshoot=Constant(0.0))
    shape = shipped.Rectangles(count=Constant(4), rounding=Constant(0.0), width=Constant(1.0))
    gaps = []
    for mark in generator(shape, style).scene(0).marks:
        pens = [p.pen[:, :2] for p in mark.layers if p.pen is not None]
        gaps += [
            np.linalg.norm(a[-1] - b[0]) for a, b in zip(pens, [*pens[1:], pens[0]], strict=True)
        ]
    assert len(gaps) == 16
    assert 0.5 < np.mean(gaps) < 4.0


def test_the_deviation_can_be_none() -> None:
    still = HandDrawn(
        **{f.name: Constant(0.0) for f in dataclasses.fields(HandDrawn) if f.name != "wave"}
    )
    shape = shipped.Rectangles(width=Constant(3.0), join=Constant("round"))
    a, b = generator(shape, still)[0].image, generator(shape, Exact())[0].image
    difference = np.abs(a.astype(int) - b)
    assert (difference > 64).mean() < 0.001  # corners without a mitre, and the seam of a fill


def test_the_width_follows_the_pressure() -> None:
    style = HandDrawn(pressure=Constant(0.5))
    found = []
    for mark in generator(shipped.Lines(width=Constant(4.0)), style).scene(0).marks:
        for layer in mark.layers:
            if layer.pen is not None:
                found += layer.pen[:, 2].tolist()
    assert 2.0 <= min(found) < 3.6
    assert 4.4 < max(found) <= 6.0
    even = generator(shipped.Lines(width=Constant(4.0)), HandDrawn(pressure=Constant(0.0)))
    assert {
        w for m in even.scene(0).marks for p in m.layers if p.pen is not None for w in p.pen[:, 2]
    } == {4.0}


def test_the_ink_fades_towards_the_background() -> None:
    shape = shipped.Lines(color=build_colour("#000000"), width=Constant(3.0), count=Constant(6))
    scene = generator(shape, HandDrawn(fade=Constant(0.5))).scene(1)
    levels = {p.style.fill[0] for m in scene.marks for p in m.layers if p.style.fill}
    assert len(levels) > 8
    assert max(levels) <= 128
    even = generator(shape, HandDrawn(fade=Constant(0.0))).scene(1)
    assert {p.style.fill for m in even.marks for p in m.layers} == {(0, 0, 0)}


def build_colour(name: str) -> Any:
    from synthdata.distributions import Palette

    return Palette((name,))


@pytest.mark.parametrize("name", NAMES)
def test_masks_and_boxes_are_those_of_what_is_drawn(name: str) -> None:
    drawn = generator(getattr(shipped, name)(width=Constant(4.0)), HandDrawn())
    surface = Agg(supersample=4).open(SIDE, SIDE)
    for index in range(2):
        scene = drawn.scene(index)
        for mark in scene.marks:
            black = tuple(
                layer._replace(style=layer.style._replace(fill=(0, 0, 0), alpha=1.0))
                for layer in mark.layers
            )
            alone = Scene(SIDE, SIDE, (255, 255, 255), (mark._replace(layers=black),))
            cover = (255 - surface.draw(alone)[..., 0].astype(float)) / 255
            mask = Truth(alone).ids() == 1
            assert not (mask & (cover < 0.05)).any()
            assert not (~mask & (cover > 0.95)).any()
            rows, columns = np.nonzero(cover > 0.01)
            x0, y0, x1, y1 = mark.bounds
            if min(x0, y0) > 1 and max(x1, y1) < SIDE - 1 and len(rows):
                found = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
                np.testing.assert_allclose((x0, y0, x1, y1), found, atol=1.01)


def test_the_ideal_scene_is_that_without_a_style() -> None:
    """What is drawn leaves outlines, key points and the other streams as they were."""
    plain = generator(shipped.Mixed(), Exact())
    hand = generator(shipped.Mixed(), HandDrawn(), effects={"camera": Camera()})
    for index in range(4):
        for a, b in zip(plain.scene(index).marks, hand.scene(index).marks, strict=True):
            assert np.array_equal(a.vertices, b.vertices)
            assert a.keypoints == b.keypoints
            assert a.params.items() <= b.params.items()
            assert b.layers
    camera = generator(shipped.Mixed(), Exact(), effects={"camera": Camera()})
    assert camera[0].record["effects"] == hand[0].record["effects"]


def test_the_record_has_the_ideal_and_the_drawn_lines() -> None:
    shape = shipped.Rectangles(count=Constant(1), rounding=Constant(0.0))
    sample = generator(shape, HandDrawn())[2]
    (mark,), (drawn,) = sample.record["marks"], sample.scene.marks
    corners = [[round(x, 3), round(y, 3)] for name, x, y in drawn.keypoints if "corner" in name]
    assert mark["ideal"] == [[*corners, corners[0]]]
    assert len(mark["drawn"]) == 4
    pen = next(layer.pen for layer in drawn.layers if layer.pen is not None)
    np.testing.assert_allclose(mark["drawn"][0], pen, atol=0.0006)
    assert mark["params"]["hand_deviation"] == pytest.approx(
        drawn.params["hand_deviation"], abs=1e-3
    )
    assert "drawn" not in generator(shape, Exact())[2].record["marks"][0]


def test_drawn_lines_go_where_a_lens_takes_them() -> None:
    lens = {"lens": Lens(k1=Constant(-0.15), k2=Constant(0.0))}
    flat = generator(shipped.Lines(), HandDrawn())[0].record["marks"]
    bent = generator(shipped.Lines(), HandDrawn(), effects=lens)[0].record["marks"]
    change = lens["lens"].prepare(np.random.default_rng(0), SIDE, SIDE)
    for a, b in zip(flat, bent, strict=True):
        here, there = np.array(a["drawn"][0]), np.array(b["drawn"][0])
        np.testing.assert_allclose(change.points(here[:, :2]), there[:, :2], atol=0.01)


def test_letters_keep_boxes_of_their_own() -> None:
    shape = shipped.Text(size=Uniform(0.15, 0.2), words=Constant(2), angle=Constant(0.0))
    for index in range(3):
        for mark in generator(shape, HandDrawn()).scene(index).marks:
            chars = [p for p in mark.parts if p.kind == "char"]
            x0, y0 = (min(p.bounds[k] for p in chars) for k in (0, 1))
            x1, y1 = (max(p.bounds[k] for p in chars) for k in (2, 3))
            np.testing.assert_allclose(mark.bounds, (x0, y0, x1, y1), atol=1e-9)
            exact = generator(shape, Exact()).scene(index)
            twin = next(m for m in exact.marks if np.array_equal(m.vertices, mark.vertices))
            for a, b in zip(mark.parts, twin.parts, strict=True):
                assert (a.kind, a.text) == (b.kind, b.text)
                assert np.abs(np.subtract(a.bounds, b.bounds)).max() < 2.1


@pytest.mark.parametrize("deviation", [1.0, 20.0])
def test_stems_of_letters_do_not_vanish(deviation: float) -> None:
    """Each small letter has about as much ink as the ideal one."""
    shape = shipped.Text(size=Constant(0.07), angle=Constant(0.0), count=Constant(4))
    style = HandDrawn(deviation=Constant(deviation))
    surface = Agg(supersample=4).open(SIDE, SIDE)
    shares = []
    for mark in generator(shape, style).scene(0).marks:
        black = mark._replace(style=mark.style._replace(fill=(0, 0, 0)), layers=())
        hand = tuple(p._replace(style=p.style._replace(fill=(0, 0, 0))) for p in mark.layers)
        ink = [
            255.0 - surface.draw(Scene(SIDE, SIDE, (255, 255, 255), (each,)))[..., 0]
            for each in (black, black._replace(layers=hand))
        ]
        for part in mark.parts:
            if part.kind == "char" and 1 < min(part.bounds) < max(part.bounds) < SIDE - 1:
                x0, y0, x1, y1 = (round(side) for side in part.bounds)
                ideal, drawn = (picture[y0 : y1 + 1, x0 : x1 + 1] for picture in ink)
                shares.append(np.minimum(ideal, drawn).sum() / ideal.sum())
    assert len(shares) > 10
    assert min(shares) > 0.55


def test_a_scene_goes_through_json() -> None:
    scene = generator(shipped.Mixed(), HandDrawn()).scene(1)
    again = Scene.from_dict(json.loads(json.dumps(scene.to_dict())))
    assert again.to_dict() == scene.to_dict()
    moved = again._replace(marks=tuple(m.translate(3.0, 4.0) for m in again.marks))
    for a, b in zip(scene.marks, moved.marks, strict=True):
        np.testing.assert_allclose(np.add(a.bounds, (3, 4, 3, 4)), b.bounds)
        np.testing.assert_allclose(a.layers[0].vertices + (3, 4), b.layers[0].vertices)


def test_marks_of_several_layers_keep_them_all() -> None:
    boxes = shipped.Charts(kind=Constant("box"), series=Constant(2))
    exact, drawn = (generator(boxes, style).scene(0) for style in (Exact(), HandDrawn()))
    for a, b in zip(exact.marks, drawn.marks, strict=True):
        assert not a.layers or len(b.layers) >= len(a.layers)
        np.testing.assert_allclose(a.bounds, b.bounds, atol=9.0)


def test_what_has_too_many_outlines_stays() -> None:
    dots = shipped.Fractals(points=Constant(9000))
    (a,), (b,) = (generator(dots, style).scene(0).marks for style in (Exact(), HandDrawn()))
    assert a.bounds == b.bounds
    assert not b.layers


def test_dashes_are_cut_from_the_drawn_line() -> None:
    shape = shipped.Lines(dash=Constant("dashed"), width=Constant(3.0), count=Constant(1))
    (mark,) = generator(shape, HandDrawn()).scene(0).marks
    length = geometry.flatten(mark.vertices, None)[0][0]
    whole = float(np.hypot(*np.diff(length, axis=0).T).sum())
    period = 3.0 * (3.7 + 1.6)
    assert abs(len(mark.layers) - whole / period) < 2


@pytest.mark.parametrize(
    ("key", "value"), [("deviation", -1.0), ("wave", 0.0), ("pressure", 1.0), ("fade", 2.0)]
)
def test_bad_values_are_refused(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=key):
        HandDrawn(**{key: Constant(value)})


LOOKS = {"filled": 0.0, "outlined": 3.0}


@pytest.mark.parametrize("effects", ["none", "lens", "camera"])
@pytest.mark.parametrize("look", LOOKS)
def test_boxes_of_words_and_characters_are_those_of_what_is_drawn(look: str, effects: str) -> None:
    """Of a single letter that is the mark itself; together they are it, and each one's is tight."""
    given = {"lens": {"lens": Lens()}, "camera": {"camera": Camera()}}.get(effects, {})
    style = HandDrawn(deviation=Constant(3.0), overshoot=Constant(8.0))
    letters = 0
    for length in (1, 4):
        text = shipped.Text(
            characters="aeimBgo%",
            length=Constant(length),
            words=Constant(length),
            size=Constant(0.15),
            width=Constant(LOOKS[look]),
            angle=Uniform(-60.0, 60.0),
            x=Uniform(0.0, 1.0),
        )
        labels = {"marks": Marks(), "texts": Texts()}
        drawn = generator(text, style, effects=given, labels=labels)
        for index in range(3):
            record = drawn[index].record
            for mark, line in zip(record["marks"], record["texts"], strict=True):
                whole = enclosing([mark["bbox"]])
                parts = [p["bbox"] for p in mark["parts"] if p["kind"] == "char"]
                words = [p["bbox"] for p in mark["parts"] if p["kind"] == "word"]
                for boxes in (parts, words):
                    np.testing.assert_allclose(enclosing(boxes), whole, atol=0.02)
                letters += sum(box is not None for box in parts)
                corners = np.array(line["polygon"]).reshape(4, 2)
                top = np.degrees(np.arctan2(*(corners[1] - corners[0])[::-1]))
                if not given:
                    assert (top - mark["params"]["angle"] + 180) % 360 == pytest.approx(
                        180, abs=0.1
                    )
    assert letters > 100


def enclosing(boxes: Any) -> np.ndarray:
    some = np.array([box for box in boxes if box is not None]).reshape(-1, 4)
    if not len(some):
        return np.zeros(4)
    return np.concatenate((some[:, :2].min(0), (some[:, :2] + some[:, 2:]).max(0)))


def test_a_letter_has_what_is_drawn_of_it_and_nothing_else() -> None:
    text = shipped.Text(characters="i%B", length=Constant(6), width=Constant(2.0))
    scene = generator(text, HandDrawn()).scene(0)
    assert Scene.from_dict(json.loads(json.dumps(scene.to_dict()))).to_dict() == scene.to_dict()
    for mark in scene.marks:
        moved = mark.translate(10.0, 5.0)
        for part, shifted in zip(mark.parts, moved.parts, strict=True):
            if part.kind == "char":
                corners = np.concatenate([layer.vertices for layer in part.layers])
                assert part.bounds == (*corners.min(axis=0), *corners.max(axis=0))
                for a, b in zip(part.layers, shifted.layers, strict=True):
                    np.testing.assert_array_equal(a.vertices + (10.0, 5.0), b.vertices)
        of_letters = [len(layer.vertices) for part in mark.parts for layer in part.layers]
        assert sum(of_letters) == sum(len(layer.vertices) for layer in mark.layers)
