"""Masks, run lengths, polygons and boxes against shapely, pycocotools and larger rasters."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from label_cases import (
    SIDE,
    circle,
    line,
    on_canvas,
    overlap,
    painted,
    scene,
    scene_of,
    shift,
    truth_of,
    warps,
)

import synthdata.primitives as shipped
from synthdata import geometry
from synthdata.distributions import Choice, Constant, Uniform
from synthdata.effects import Affine, Perspective
from synthdata.effects.base import Effect
from synthdata.geometry.outlines import outlines
from synthdata.geometry.rectangles import least_rectangles
from synthdata.geometry.rings import span_rings
from synthdata.geometry.spans import Spans, of_picture
from synthdata.labels import Boxes, Keypoints, Segments, SemanticMask, Visibility
from synthdata.labels.base import moved_edges, source
from synthdata.labels.rle import compressed, run_lengths
from synthdata.primitives import Primitive
from synthdata.renderers import Agg
from synthdata.scene import Mark, Scene, Style
from synthdata.styles import HandDrawn

pycoco = pytest.importorskip("pycocotools.mask")

STROKES = {
    "width": Uniform(1.0, 14.0),
    "join": Choice(("round", "bevel")),
    "cap": Choice(("butt", "round", "projecting")),
}
KINDS: dict[str, Primitive] = {
    name: getattr(shipped, name)(**STROKES)
    for name in (
        *("Arcs", "Arrows", "Circles", "Crosses", "Curves", "Ellipses", "Grids", "Lines"),
        *("Polygons", "Polylines", "Rectangles"),
    )
}
MIXED = shipped.Mixed(count=Constant(8))
seeds = st.integers(0, 10_000)
masks = st.integers(0, 2**32 - 1).map(
    lambda seed: (
        np.random.default_rng(seed).random(np.random.default_rng(seed).integers(1, 12, 2))
        < (seed % 10) / 9
    )
)


@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("seed", range(4))
def test_outlines_are_what_shapely_buffers(name: str, seed: int) -> None:
    for mark in scene_of(KINDS[name], seed).marks:
        if mark.codes is not None and geometry.is_smooth(mark.vertices, mark.codes):
            mark = mark._replace(style=mark.style._replace(join="round"))
        rings = outlines(mark.vertices, mark.codes, mark.style)
        assert all(len(ring) > 2 for ring in rings)
        ours = shapely.union_all([even_odd(ring) for ring in rings])
        theirs = painted(mark)
        off = ours.symmetric_difference(theirs).area
        assert off <= 0.05 * theirs.length + 0.1, (mark, off)


#: Miters that are cut at neither size: their limit is the stroke's width in pixels.
MITRED = {"join": Constant("miter"), "kind": Constant("regular"), "corners": Choice((4, 5, 7))}
TEXT = {"size": Constant(0.15), "words": Constant(1), "vocabulary": ("Bo%", "igX")}
LOOKS: dict[str, Primitive] = {
    "mitred": shipped.Polygons(width=Uniform(3.0, 12.0), **MITRED),
    "dashed": shipped.Curves(width=Uniform(2.0, 6.0), dash=Choice(("dashed", "dashdot"))),
    "ring": shipped.Circles(
        width=Uniform(2.0, 6.0), dash=Constant("dashed"), cap=Constant("round")
    ),
    "text": shipped.Text(**TEXT),
    "outlined": shipped.Text(width=Constant(2.0), **TEXT),
}


@pytest.mark.parametrize("look", sorted(LOOKS))
def test_outlines_are_what_is_painted_eightfold(look: str) -> None:
    for seed in range(2):
        base = scene_of(LOOKS[look], seed)
        for mark in base.marks[:3]:
            large = truth_of(
                scene_of(LOOKS[look], seed, 8 * SIDE)._replace(marks=(scaled(mark, 8),))
            )
            ours = on_canvas(large, 0)
            rings = outlines(mark.vertices, mark.codes, mark.style)
            region = shapely.union_all([even_odd(ring) for ring in rings])
            shapely.prepare(region)
            y, x = np.mgrid[: 8 * SIDE, : 8 * SIDE]
            inside = shapely.contains_xy(region, (x + 0.5) / 8, (y + 0.5) / 8)
            if ours.sum() > 2000:
                assert overlap(ours, inside) >= 0.98


def even_odd(ring: np.ndarray) -> shapely.Geometry:
    lines = shapely.node(shapely.LineString(np.concatenate((ring, ring[:1]))))
    faces = shapely.get_parts(shapely.polygonize([lines]))
    inside = []
    for face in faces:
        x, y = face.representative_point().coords[0]
        inside.append(geometry.rings.contains(ring, np.array((x, y))))
    return shapely.union_all(faces[np.array(inside, dtype=bool)])


@given(masks)
def test_pixel_rings_are_the_pixels(mask: np.ndarray) -> None:
    height, width = mask.shape
    found = np.zeros(mask.shape, dtype=int)
    for ring in span_rings(of_picture(mask), 1, len(mask))[0]:
        for y in range(height):
            for x in range(width):
                found[y, x] += geometry.rings.contains(ring, np.array((x + 0.5, y + 0.5)))
    assert (found == mask).all()


@given(masks)
def test_rings_rasterised_by_coco_are_the_pixels(mask: np.ndarray) -> None:
    height, width = mask.shape
    polygons = [ring.ravel().tolist() for ring in span_rings(of_picture(mask), 1, len(mask))[0]]
    if polygons:
        coco = pycoco.merge(pycoco.frPyObjects(polygons, height, width))
        assert (pycoco.decode(coco) == mask).all()


def spans_of(ids: np.ndarray) -> Spans:
    """Of a picture that has owner + 1 in each pixel, or 0."""
    height, width = ids.shape
    found = [
        (int(ids[y, x]) - 1, x * height + y, x * height + y + 1)
        for x in range(width)
        for y in range(height)
        if ids[y, x]
    ]
    return Spans(*np.array(sorted(found), dtype=np.int64).reshape(-1, 3).T)


@given(seeds, st.integers(1, 9), st.integers(1, 9), st.integers(1, 5))
def test_run_lengths_are_cocos(seed: int, height: int, width: int, count: int) -> None:
    ids = np.random.default_rng(seed).integers(0, count + 1, (height, width)).astype(np.uint16)
    ids[np.random.default_rng(seed).random(ids.shape) < (seed % 10) / 9] = 1 + seed % count
    lengths, ends = run_lengths(spans_of(ids), count, height * width)
    parts = np.split(lengths, ends[:-1])
    for number, text in enumerate(compressed(lengths, ends), 1):
        full = np.asfortranarray(ids == number, dtype=np.uint8)
        assert text == pycoco.encode(full)["counts"].decode()
        listed = {"size": [height, width], "counts": parts[number - 1].tolist()}
        assert (pycoco.decode(pycoco.frPyObjects(listed, 1, 1)) == full).all()


def test_long_runs_are_cocos() -> None:
    full = np.zeros((3000, 2000), dtype=np.uint8)
    full[100:2900:700, 3:1990] = 1
    full[:, 1000:1500] = 1
    text = pycoco.encode(np.asfortranarray(full))["counts"].decode()
    edges = np.flatnonzero(np.diff(full.T.ravel(), prepend=0, append=0)).reshape(-1, 2)
    of = Spans(np.zeros(len(edges), dtype=np.int64), *edges.T)
    assert compressed(*run_lengths(of, 1, full.size)) == [text]


@pytest.mark.parametrize("warped", [False, True])
def test_segments_decode_to_the_masks(warped: bool) -> None:
    for seed in range(4):
        scene = scene_of(MIXED, seed)
        truth = truth_of(scene, *(warps(SIDE, SIDE, seed) if warped else ()))
        found = Segments().fields(truth)["segments"]
        plain = Segments(counts="list", polygons=False).fields(truth)["segments"]
        for number, item in enumerate(found):
            assert item["id"] == number + 1
            amodal, visible = on_canvas(truth, number), truth.ids() == number + 1
            assert (pycoco.decode(item["amodal"]) == amodal).all()
            assert (pycoco.decode(item["visible"]) == visible).all()
            listed = pycoco.frPyObjects(plain[number]["amodal"], SIDE, SIDE)
            assert (pycoco.decode(listed) == amodal).all()
            if visible.any():
                rle = pycoco.frPyObjects(item["visible_polygons"], SIDE, SIDE)
                assert (pycoco.decode(pycoco.merge(rle)) == visible).all()


@pytest.mark.parametrize("warped", [False, True])
def test_outline_polygons_cover_the_masks(warped: bool) -> None:
    """Also of the warped picture: the outline goes by the points, the mask by the pixels."""
    for seed in range(6):
        truth = truth_of(scene_of(MIXED, seed), *(warps(SIDE, SIDE, seed) if warped else ()))
        found = Segments().fields(truth)["segments"]
        for number, item in enumerate(found):
            amodal = on_canvas(truth, number)
            if amodal.sum() > 100:
                region = shapely.union_all(
                    [even_odd(np.reshape(p, (-1, 2))) for p in item["amodal_polygons"]]
                )
                inside = shapely.contains_xy(region.buffer(1.5), *centres(amodal))
                assert inside.all()
                shown = ~amodal & (truth.once(source) >= 0) if warped else ~amodal
                outside = shapely.contains_xy(region.buffer(-1.5), *centres(shown))
                assert not outside.any()


def centres(mask: np.ndarray) -> np.ndarray:
    return np.argwhere(mask)[:, ::-1].T + 0.5


@pytest.mark.parametrize("warped", [False, True])
def test_the_instance_mask_is_the_masks_laid_over_each_other(warped: bool) -> None:
    for seed in range(4):
        truth = truth_of(scene_of(MIXED, seed), *(warps(SIDE, SIDE, seed) if warped else ()))
        expected = np.zeros((SIDE, SIDE), dtype=np.uint16)
        for number in range(len(truth.scene.marks)):
            expected[on_canvas(truth, number)] = number + 1
        assert (truth.ids() == expected).all()


@pytest.mark.parametrize("effect", [Affine(), Perspective()], ids=repr)
def test_labels_of_the_warped_scene_are_those_of_the_warped_mask(effect: Effect) -> None:
    """Found again from the mask that the effect moves like a picture."""
    for seed in range(4):
        scene = scene_of(MIXED, seed)
        change = effect.prepare(np.random.default_rng(seed), SIDE, SIDE)
        ids = change.ids(truth_of(scene).ids())
        shown = change.ids(np.ones_like(ids))
        truth = truth_of(scene, change)
        segments = Segments(polygons=False).fields(truth)["segments"]
        shares = Visibility().fields(truth)["visibility"]
        for number, box in enumerate(Boxes().fields(truth)["boxes"], 1):
            seen = ids == number
            assert (pycoco.decode(segments[number - 1]["visible"]) == seen).all()
            assert shares[number - 1]["visible_pixels"] == seen.sum()
            rows, columns = np.nonzero(seen)
            if not len(rows):
                assert box["visible"] is None
                continue
            x, y = columns.min(), rows.min()
            assert box["visible"] == [x, y, columns.max() - x + 1, rows.max() - y + 1]
        for item in Keypoints().fields(truth)["keypoints"]:
            for x, y, v in np.reshape(item["keypoints"], (-1, 3)):
                if v:
                    hidden = ids[int(y), int(x)] > item["id"] or not shown[int(y), int(x)]
                    assert v == (1 if hidden else 2)


def test_vast_marks_are_quick() -> None:
    style = Style(width=4.0, dash=(3.0, 1.0))
    vertices = np.array([(-1e9, 20.5), (1e9, 20.5)])
    mark = Mark("line", vertices, None, style, {}, (), (-1e9, 18.5, 1e9, 22.5))
    truth = truth_of(Scene(40, 40, (0, 0, 0), (mark,)))
    assert truth.pixel_counts() == [160]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 256, 1000])
@pytest.mark.parametrize("warped", [False, True])
def test_as_many_marks_as_there_are(count: int, warped: bool) -> None:
    """One pixel each; opacity plays no part."""
    style = Style(stroke=None, fill=(0, 0, 0), alpha=0.01)
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    marks = []
    for k in range(count):
        x, y = float(k % 40), float(k // 40)
        marks.append(Mark("p", corners + (x, y), None, style, {}, (), (x, y, x + 1, y + 1)))
    scene = Scene(40, 40, (0, 0, 0), tuple(marks))
    ids = truth_of(scene).ids()
    assert ids.dtype == np.uint16
    assert ids.ravel()[: count + 1].tolist() == [*range(1, count + 1), 0]
    if warped:
        change = Affine().prepare(np.random.default_rng(1), 40, 40)
        assert (truth_of(scene, change).ids() == change.ids(ids)).all()


@pytest.mark.parametrize("warped", [False, True])
def test_boxes(warped: bool) -> None:
    for seed in range(5):
        truth = truth_of(scene_of(MIXED, seed), *(warps(SIDE, SIDE, seed) if warped else ()))
        edges = moved_edges(truth)
        for number, item in enumerate(Boxes().fields(truth)["boxes"]):
            x, y, w, h = item["full"]
            rows, columns = np.nonzero(on_canvas(truth, number))
            off = 3 if warped else 1  # two warps, each by up to half of a pixel, and its rim
            if len(rows):
                assert x - off <= columns.min() <= columns.max() + 1 <= x + w + off
                assert y - off <= rows.min() <= rows.max() + 1 <= y + h + off
            seen = np.argwhere(truth.ids() == number + 1)
            if len(seen):
                (y0, x0), (y1, x1) = seen.min(axis=0), seen.max(axis=0)
                assert item["visible"] == [x0, y0, x1 - x0 + 1, y1 - y0 + 1]
            else:
                assert item["visible"] is None
            cx, cy, long, short, angle = item["rotated"]
            assert long >= short
            assert 0 <= angle < 180
            own = edges.owner == number
            points = np.concatenate((edges.a[own], (edges.a + edges.b)[own] / 2 + edges.bulge[own]))
            xy = np.stack((points.real, points.imag), axis=1)
            theirs = shapely.MultiPoint(xy).minimum_rotated_rectangle
            assert long * short <= theirs.area + 0.01 * (long + short)
            along = np.deg2rad(angle)
            axes = np.array(((np.cos(along), np.sin(along)), (-np.sin(along), np.cos(along))))
            reach = np.abs((np.stack((columns, rows), axis=1) + 0.5 - (cx, cy)) @ axes.T)
            assert (reach <= (long / 2 + off, short / 2 + off)).all()


def test_the_turned_box_of_a_line_is_the_line() -> None:
    for mark in scene_of(shipped.Lines(width=Constant(7.0)), 5).marks:
        truth = truth_of(scene_of(shipped.Lines(), 5)._replace(marks=(mark,)))
        (item,) = Boxes().fields(truth)["boxes"]
        p = mark.params
        assert item["rotated"][:2] == pytest.approx([p["x"], p["y"]], abs=0.001)
        long, short, angle = item["rotated"][2:]
        assert sorted((long, short)) == pytest.approx(sorted((p["length"], 7.0)), abs=0.001)
        turn = (angle - p["angle"] - (90 if p["length"] < 7.0 else 0)) % 180
        assert min(turn, 180 - turn) < 0.001


@given(st.lists(st.tuples(st.floats(-99, 99), st.floats(-99, 99)), min_size=1, max_size=12))
def test_least_rectangle_is_shapelys(points: list[tuple[float, float]]) -> None:
    xy = np.array(points)
    z, owner = xy[:, 0] + 1j * xy[:, 1], np.zeros(len(xy), dtype=int)
    ((*_, w, h, angle),) = least_rectangles(z, owner, 1)
    assert w >= h - 1e-9
    assert 0 <= angle < 180
    box = shapely.MultiPoint(points).minimum_rotated_rectangle
    assert w * h <= box.area + 1e-5 * (1 + box.length)


def test_many_points_next_to_each_other_have_a_rectangle_and_leave_others_theirs() -> None:
    """As of a letter of next to no size: nowhere does their outline turn by as much as counts."""
    turns = np.exp(1j * np.linspace(0.0, 2.0 * np.pi, 90, endpoint=False))
    round_, dot = 5.0 * turns.real + 2.0j * turns.imag, np.full(90, 7.0 + 3.0j) + 1e-5 * turns
    every = [round_, dot, 1.0j * round_, dot]
    found = least_rectangles(np.concatenate(every), np.arange(4).repeat(90), 4)
    lone = [least_rectangles(points, np.zeros(90, dtype=np.intp), 1)[0] for points in every]
    assert np.array_equal(found, lone)
    assert found[1, :4] == pytest.approx([7.0, 3.0, 0.0, 0.0], abs=1e-4)
    assert found[0, 2:4] == pytest.approx([10.0, 4.0], abs=0.01)


def scaled(mark: shipped.base.Mark, by: int) -> shipped.base.Mark:
    dash = None if mark.style.dash is None else tuple(d * by for d in mark.style.dash)
    return mark._replace(
        vertices=mark.vertices * by,
        bounds=tuple(v * by for v in mark.bounds),
        style=mark.style._replace(width=mark.style.width * by, dash=dash),
    )


def drawn(mark: Mark, side: int) -> np.ndarray:
    """The pixels of a mark by Agg, which is not what masks are made with."""
    style = mark.style
    black = style._replace(
        stroke=style.stroke and (0, 0, 0), fill=style.fill and (0, 0, 0), alpha=1.0
    )
    scene = Scene(side, side, (255, 255, 255), (mark._replace(style=black),))
    return Agg().open(side, side).draw(scene)[..., 0] < 128


def test_visible_shares_are_those_of_eightfold_pixels() -> None:
    """The canvas is enlarged twice over as well, so that no mark is cut by the large one."""
    compared = hidden = cut = 0
    look = {"width": Uniform(3.0, 9.0), "join": Constant("round")}
    kinds = {"c": shipped.Circles(**look), "r": shipped.Rectangles(**look)}
    mixed = shipped.Mixed(count=Constant(9), primitives=kinds | {"p": shipped.Polygons(**look)})
    for seed in range(5):
        scene = scene_of(mixed, seed)
        items = Visibility().fields(truth_of(scene))["visibility"]
        side = 8 * SIDE * 2
        at = side // 4
        marks = [scaled(m, 8).translate(at, at) for m in scene.marks]
        large = [drawn(mark, side) for mark in marks]
        ids = np.zeros((side, side), dtype=int)
        for number, whole in enumerate(large, 1):
            ids[whole] = number
        here = (slice(at, 3 * at), slice(at, 3 * at))
        for number, (item, whole) in enumerate(zip(items, large, strict=True), 1):
            if item["pixels"] > 100:
                compared += 1
                seen = (ids[here] == number).sum() / whole.sum()
                assert item["visible"] == pytest.approx(seen, abs=0.012)
                lost = 1 - whole[here].sum() / whole.sum()
                assert item["truncated"] == pytest.approx(lost, abs=0.012)
                hidden += item["occluded"] > 0.05
                cut += item["truncated"] > 0.05
    assert compared > 20
    assert hidden > 5
    assert cut > 5


@pytest.mark.parametrize("warped", [False, True])
def test_visibility_counts(warped: bool) -> None:
    for seed in range(4):
        truth = truth_of(scene_of(MIXED, seed), *(warps(SIDE, SIDE, seed) if warped else ()))
        found = Visibility().fields(truth)
        ids = truth.ids()
        full = [on_canvas(truth, k) for k in range(len(truth.scene.marks))]
        shared = {}
        for k, item in enumerate(found["visibility"]):
            assert item["pixels"] == full[k].sum()
            assert item["visible_pixels"] == (ids == k + 1).sum()
            hidden = dict(item["occluded_by"])
            for j in range(len(full)):
                assert hidden.get(j + 1, 0) == (full[k] & (ids == j + 1)).sum() * (j != k)
                if j > k and (n := (full[k] & full[j]).sum()):
                    shared[j + 1, k + 1] = n
            assert item["pixels"] == item["visible_pixels"] + sum(hidden.values())
        assert {(a, b): n for a, b, n in found["overlaps"]} == shared


def test_a_mark_of_no_pixels_has_no_shares() -> None:
    scene = scene_of(shipped.Lines(width=Constant(1e-6)), 0)
    for item in Visibility().fields(truth_of(scene))["visibility"]:
        assert item["visible"] is item["occluded"] is item["truncated"] is None


def test_a_mark_of_a_million_pixels_is_quick_and_nearly_off_the_canvas() -> None:
    scene = scene_of(shipped.Lines(length=Constant(1e5), x=Constant(0.5), y=Constant(0.5)), 0)
    for item in Visibility().fields(truth_of(scene))["visibility"]:
        assert item["truncated"] == pytest.approx(1.0, abs=0.0001)


@pytest.mark.parametrize("style", [None, HandDrawn()])
def test_what_sticks_out_is_counted_as_on_a_larger_canvas(style: HandDrawn | None) -> None:
    some = 0
    for seed in range(6):
        base = scene_of(MIXED, seed)
        if style is not None:
            rng = np.random.default_rng(seed)
            base = base._replace(marks=tuple(style.draw(base.marks, rng, base.background)))
        moved = tuple(mark.translate(2.0 * SIDE, 2.0 * SIDE) for mark in base.marks)
        whole = truth_of(Scene(5 * SIDE, 5 * SIDE, base.background, moved)).pixel_counts()
        truth = truth_of(base)
        shares = Visibility().fields(truth)["visibility"]
        for pixels, item, here in zip(whole, shares, truth.pixel_counts(), strict=True):
            assert item["truncated"] == round(1.0 - here / pixels, 6)
            some += item["truncated"] > 0.0
    assert some > 5


def test_marks_far_away_are_off_the_canvas() -> None:
    far = circle(1e6, 80, 9.0, width=3.0)
    nothing = line((-1e6, 0.0), (-1e6, 9.0), width=1e-9)
    here = circle(SIDE, 80, 9.0, width=3.0)
    alone = Visibility().fields(truth_of(scene(here)))["visibility"][0]
    found = Visibility().fields(truth_of(scene(far, nothing, here)))["visibility"]
    assert [item["truncated"] for item in found] == [1.0, None, alone["truncated"]]


@pytest.mark.parametrize("warped", [False, True])
def test_keypoints(warped: bool) -> None:
    for seed in range(4):
        truth = truth_of(scene_of(MIXED, seed), *(warps(SIDE, SIDE, seed) if warped else ()))
        items = Keypoints().fields(truth)["keypoints"]
        for number, (item, mark) in enumerate(zip(items, truth.scene.marks, strict=True), 1):
            triples = np.reshape(item["keypoints"], (-1, 3))
            assert len(triples) == len(item["names"]) == len(mark.keypoints)
            assert item["num_keypoints"] == (triples[:, 2] > 0).sum()
            assert all(1 <= k <= len(triples) for pair in item["skeleton"] for k in pair)
            points = truth.points(np.array([(x, y) for _, x, y in mark.keypoints]))
            for (x, y, v), (px, py) in zip(triples, points, strict=True):
                if not (0 <= px < SIDE and 0 <= py < SIDE):
                    assert (x, y, v) == (0, 0, 0)
                    continue
                assert (x, y) == pytest.approx((px, py), abs=0.0005)
                front = truth.ids()[int(py), int(px)]
                hidden = front > number or (warped and source(truth)[int(py), int(px)] < 0)
                assert v == (1 if hidden else 2)


def test_a_key_point_from_beyond_the_scene_is_not_seen() -> None:
    """The strip that a shift lets in shows nothing of the scene, whatever would be there."""
    mark = line((-30.0, 40.0), (30.0, 40.0), width=3.0)
    (item,) = Keypoints().fields(truth_of(scene(mark), shift(0.5)))["keypoints"]
    assert item["keypoints"] == [50.0, 40.0, 1, 110.0, 40.0, 2]
    assert item["num_keypoints"] == 2


def test_semantic_mask_is_the_category_of_the_front_most_mark() -> None:
    truth = truth_of(scene_of(MIXED, 0))
    names = ["", *SemanticMask().categories]
    found = SemanticMask().images(truth)["semantic"]
    assert found.dtype == np.uint8
    for number, mark in enumerate(truth.scene.marks, 1):
        assert {names[k] for k in found[truth.ids() == number]} <= {mark.category}
    assert (found[truth.ids() == 0] == 0).all()
    with pytest.raises(Exception, match=r"labels\.semantic_mask\.categories"):
        SemanticMask(categories=("line",)).images(truth)


@pytest.mark.parametrize("join", ["bevel", "miter", "round"])
@pytest.mark.filterwarnings("error")
def test_lines_that_turn_right_back(join: str) -> None:
    there_and_back = line((5.0, 5.0), (25.0, 5.0), (10.0, 5.0), (25.0, 5.0), width=4.0, join=join)
    pixels = on_canvas(truth_of(scene(there_and_back)), 0)
    assert pixels[3:7, 5:25].all()
    assert pixels.sum() == 80 if join != "round" else pixels.sum() >= 80
