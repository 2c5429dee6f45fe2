"""The seven tasks: as many pictures of each kind as released, and answers by other hands."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import networkx as nx
import numpy as np
import pytest
import shapely

from synthdata.api import config
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.recipes import BlindtestQuestions
from synthdata.scene import Mark, Scene

#: Pictures, and how many values each factor has, "answer" aside.
TASKS: dict[str, tuple[int, dict[str, int]]] = {
    "lines": (1800, {"crossings": 3, "layout": 100, "side": 3, "width": 2}),
    "circles": (672, {"diameter": 4, "rotation": 4, "distance": 14, "side": 3}),
    "letter": (1248, {"letter": 52, "font": 2, "width": 3, "padding": 4}),
    "shapes": (
        480,
        {"shape": 2, "count": 5, "size": 2, "color": 2, "variant": 2, "side": 3, "width": 2},
    ),
    "squares": (120, {"depth": 4, "layout": 10, "width": 3}),
    "grids": (264, {"shape": 22, "text": 2, "side": 3, "width": 2}),
    "subway": (180, {"paths": 3, "map": 15, "side": 2, "width": 2}),
}
SIDES = {
    "lines": {384, 768, 1152},
    "circles": {384, 769, 1155},
    "letter": {512},
    "shapes": {384, 769, 1155},
    "squares": {1000},
    "grids": {500, 1250, 2000},
    "subway": {512, 1024},
}
VALUES: dict[tuple[str, str], list[Any]] = {
    ("lines", "crossings"): [0, 1, 2],
    ("lines", "width"): [2, 4],
    ("circles", "diameter"): [1 / 4, 1 / 5, 1 / 6, 1 / 7],
    ("circles", "distance"): [round(-0.15 + 0.05 * k, 2) for k in range(14)],
    ("letter", "width"): [4, 5, 6],
    ("letter", "padding"): [25, 50, 100, 200],
    ("shapes", "count"): [5, 6, 7, 8, 9],
    ("shapes", "width"): [0.5, 1],
    ("squares", "depth"): [2, 3, 4, 5],
    ("squares", "width"): [2, 3, 4],
    ("grids", "width"): [10, 20],
    ("subway", "width"): [10, 20],
}
GENERATORS: dict[str, Generator] = {}


def generator_of(task: str) -> Generator:
    if task not in GENERATORS:
        GENERATORS[task] = Generator.from_config([f"recipe=blindtest_{task}"])
    return GENERATORS[task]


def cells(task: str, **fixed: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The samples whose coordinates are the ``fixed`` ones, with all their coordinates."""
    grid = generator_of(task).config.axes
    assert grid is not None
    places = {name: grid.place(name, value) for name, value in fixed.items()}
    for k, coordinates in enumerate(grid):
        here = dict(zip(grid.names, grid.at(k), strict=True))
        if all(here[name] == place for name, place in places.items()):
            yield k, coordinates


def of(scene: Scene, category: str) -> list[Mark]:
    return [mark for mark in scene.marks if mark.category == category]


def answers(task: str, index: int, scene: Scene) -> list[str]:
    """What the record says, made without drawing the picture."""
    from synthdata.labels import Truth

    (label,) = (
        label
        for label in generator_of(task).config.labels.values()
        if isinstance(label, BlindtestQuestions)
    )
    fields = label.fields(Truth(scene))
    assert fields["prompt"] == fields["questions"][0]["question"]
    assert fields["answer"] == fields["questions"][0]["answer"]
    return [question["answer"] for question in fields["questions"]]


def test_there_are_4764_pictures() -> None:
    assert sum(n for n, _ in TASKS.values()) == 4764
    assert [config([f"recipe=blindtest_{task}"]).n for task in TASKS] == [
        n for n, _ in TASKS.values()
    ]


@pytest.mark.parametrize("task", TASKS)
def test_every_combination_of_the_factors_comes_once(task: str) -> None:
    count, sizes = TASKS[task]
    grid = generator_of(task).config.axes
    assert grid is not None
    assert {name: len(axis) for name, axis in grid.values.items()} == sizes
    assert math.prod(sizes.values()) == count == len({str(cell) for cell in grid})
    for (where, name), values in VALUES.items():
        if where == task:
            assert np.allclose(grid.values[name].values, values)


@pytest.mark.parametrize("task", TASKS)
def test_pictures_have_exactly_their_sizes_and_records_all_there_is(task: str) -> None:
    generator = generator_of(task)
    assert generator.config.axes is not None
    per_side = {str(c.get("side")): k for k, c in reversed(list(enumerate(generator.config.axes)))}
    found = set()
    for index in per_side.values():
        image, record, _, _ = generator[index]
        height, width = image.shape[:2]
        assert width == height
        assert (record["width"], record["height"]) == (width, height)
        assert record["axes"] == generator.config.axes.coordinates(index)
        assert {"task", "prompt", "answer", "questions"} <= set(record)
        assert all(set(question) == {"question", "answer"} for question in record["questions"])
        found.add(width)
    assert found == SIDES[task]


@pytest.mark.parametrize("task", ["lines", "shapes", "grids", "subway"])
def test_other_sizes_and_widths_show_the_same(task: str) -> None:
    """What is drawn is the same picture at another resolution."""
    generator = generator_of(task)
    by_layout: dict[str, list[Scene]] = {}
    for k, cell in itertools.islice(cells(task), 24):
        name = str({n: v for n, v in cell.items() if n not in ("side", "width")})
        by_layout.setdefault(name, []).append(generator.scene(k))
    for scenes in by_layout.values():
        first, *others = scenes
        for scene in others:
            for a, b in zip(first.marks, scene.marks, strict=True):
                assert np.allclose(a.vertices / first.width, b.vertices / scene.width, atol=0.01)


def test_a_hundred_layouts_for_each_number_of_crossings() -> None:
    generator = generator_of("lines")
    layouts = set()
    counts: Counter[int] = Counter()
    for k, cell in cells("lines", side=[384, 384], width=2):
        scene = generator.scene(k)
        blue, red = (shapely.LineString(mark.vertices) for mark in scene.marks)
        assert scene.marks[0].style.stroke == (0, 0, 255)
        assert scene.marks[1].style.stroke == (255, 0, 0)
        met = blue.intersection(red)
        points = [part for part in shapely.get_parts(met) if not part.is_empty]
        assert all(part.geom_type == "Point" for part in points)
        assert len(points) == cell["crossings"]
        assert answers("lines", k, scene) == [str(len(points))] * 2
        for line in (blue, red):  # no corner is on the other line, nor near it
            other = red if line is blue else blue
            gap = min(shapely.Point(c).distance(other) for c in line.coords)
            assert gap > 1.5 * scene.marks[0].style.width
        counts[len(points)] += 1
        layouts.add(np.round(np.concatenate([m.vertices for m in scene.marks]), 3).tobytes())
    assert counts == {0: 100, 1: 100, 2: 100}
    assert len(layouts) == 300


def test_circles_touch_as_their_distance_says() -> None:
    generator = generator_of("circles")
    for k, cell in cells("circles", side=[384, 384]):
        scene = generator.scene(k)
        (_, x0, y0), (_, x1, y1) = (mark.keypoints[0] for mark in scene.marks)
        r = cell["diameter"] * 384 / 2
        far = math.hypot(x1 - x0, y1 - y0)
        assert far == pytest.approx(2 * r * (1 + cell["distance"]))
        assert all(mark.bounds[2] - mark.bounds[0] == pytest.approx(2 * r) for mark in scene.marks)
        a, b = (shapely.Point(*mark.keypoints[0][1:]).buffer(r, 512) for mark in scene.marks)
        touch, overlap = answers("circles", k, scene)
        assert overlap == ("yes" if a.intersection(b).area > 1e-3 * a.area else "no")
        assert touch == ("yes" if a.buffer(1e-3 * r).intersects(b) else "no")
        assert (touch, overlap) == {-1: ("yes", "yes"), 0: ("yes", "no"), 1: ("no", "no")}[
            int(np.sign(cell["distance"]))
        ]
        assert min(min(mark.bounds) for mark in scene.marks) >= -1e-9
        assert max(max(mark.bounds) for mark in scene.marks) <= 384 + 1e-9
        angle = math.degrees(math.atan2(y1 - y0, x1 - x0)) % 180
        turns = {"horizontal": 0, "vertical": 90, "diagonal_1": 45, "diagonal_2": 135}
        assert angle == pytest.approx(turns[cell["rotation"]], abs=1e-6)


def test_the_circled_letter_is_the_one_with_most_ink_in_the_oval() -> None:
    generator = generator_of("letter")
    words = "Acknowledgement", "Subdermatoglyphic", "tHyUiKaRbNqWeOpXcZvM"
    letters = [(word, place) for word in words for place in range(len(word))]
    assert len(letters) == 52
    for k, cell in cells("letter", width=4, padding=50):
        word, place = letters[cell["letter"]]
        text, oval = generator.scene(k).marks
        assert text.params["text"] == word
        assert text.params["font"] == cell["font"]
        assert answers("letter", k, generator.scene(k)) == [word[place]] * 2
        (_, x, y), (x0, y0, x1, y1) = oval.keypoints[0], oval.bounds
        width = oval.style.width
        ring = shapely.affinity.scale(
            shapely.Point(x, y).buffer(1.0, 64), (x1 - x0 - width) / 2, (y1 - y0 - width) / 2
        )
        boxes = [shapely.box(*part.bounds) for part in text.parts if part.kind == "char"]
        shares = [box.intersection(ring).area / box.area for box in boxes]
        assert int(np.argmax(shares)) == place
        assert shares[place] > 0.95
        assert sorted(shares)[-2] < 0.75
        assert text.bounds[0] >= 0
        assert text.bounds[2] <= 512


def test_padding_makes_words_smaller() -> None:
    generator = generator_of("letter")
    widths = []
    for k, _ in cells("letter", letter=0, font="DejaVuSans", width=4):
        text = generator.scene(k).marks[0]
        widths.append(text.bounds[2] - text.bounds[0])
    assert len(widths) == 4
    assert widths == sorted(widths, reverse=True)


def test_shapes_overlap_across_rows_and_not_within() -> None:
    generator = generator_of("shapes")
    seen = set()
    for k, cell in cells("shapes", side=[384, 384], width=1, color="tab10"):
        scene = generator.scene(k)
        assert {mark.category for mark in scene.marks} == {cell["shape"]}
        assert answers("shapes", k, scene) == [str(cell["count"])] * 2
        assert len({mark.style.stroke for mark in scene.marks}) == cell["count"]
        outlines = [shapely.Polygon(_ring(mark)) for mark in scene.marks]
        graph = nx.Graph()
        graph.add_nodes_from(range(cell["count"]))
        rows = np.round([outline.centroid.y for outline in outlines], 3)
        for a, b in itertools.combinations(range(cell["count"]), 2):
            meet = outlines[a].boundary.intersects(outlines[b].boundary)
            assert not (meet and rows[a] == rows[b])
            if meet:
                graph.add_edge(a, b)
        assert len(set(rows.tolist())) == 2
        assert nx.is_connected(graph)
        box = shapely.union_all(outlines).bounds
        assert min(box) > 0
        assert max(box) < 384
        centers = np.array([o.centroid.coords[0] for o in outlines])
        layout = str(sorted(np.round(centers - box[:2], 2).tolist()))
        seen.add((cell["shape"], cell["size"], layout))
    assert len(seen) == 2 * 5 * 2 * 2  # the released pentagons have 24 pictures twice


def _ring(mark: Mark) -> np.ndarray:
    if mark.category == "pentagon":
        return mark.vertices
    x, y = mark.keypoints[0][1:]
    r = mark.params["size"]
    turns = np.linspace(0, 2 * np.pi, 721)[:-1]
    return np.stack((x + r * np.cos(turns), y + r * np.sin(turns)), axis=1)


@pytest.mark.parametrize("color", ["black", "tab10"])
def test_no_picture_of_shapes_is_there_twice(color: str) -> None:
    generator = generator_of("shapes")
    pictures = [
        generator.image(k).tobytes()
        for k, _ in cells("shapes", side=[384, 384], color=color, shape="pentagon")
    ]
    assert len(pictures) == len(set(pictures)) == 40


def test_squares_are_nested_and_apart() -> None:
    generator = generator_of("squares")
    for k, cell in cells("squares"):
        scene = generator.scene(k)
        rings = [shapely.Polygon(mark.vertices) for mark in scene.marks]
        assert len(rings) == cell["depth"]
        assert answers("squares", k, scene) == [str(cell["depth"])] * 2
        width = scene.marks[0].style.width
        assert width == pytest.approx(cell["width"] * 1000 / 720)
        for outer, inner in itertools.pairwise(rings):
            assert outer.contains(inner)
            assert outer.boundary.distance(inner.boundary) > 1.5 * width
        assert shapely.box(0, 0, 1000, 1000).contains(rings[0])


def test_rows_and_columns_are_counted_in_the_picture() -> None:
    generator = generator_of("grids")
    for k, cell in cells("grids", side=[500, 500]):
        rows, columns = (int(n) for n in cell["shape"].split("x"))
        scene = generator.scene(k)
        assert answers("grids", k, scene) == [
            f"rows={rows} columns={columns}",
            f"({rows},{columns})",
        ]
        assert len(of(scene, "text")) == (rows * columns if cell["text"] else 0)
        if cell["width"] == 20:
            dark = generator.image(k)[..., 0] < 128
            for axis, count in ((0, columns), (1, rows)):
                full = (dark.mean(axis=axis) > 0.9).astype(int)
                assert (np.diff(full, prepend=0) == 1).sum() == count + 1
        for mark in of(scene, "text"):  # words lie in their cells
            x0, y0, x1, y1 = mark.bounds
            cell_x, cell_y = 500 / columns, 500 / rows
            assert int(x0 / cell_x) == int(x1 / cell_x)
            assert int(y0 / cell_y) == int(y1 / cell_y)
    shapes = {cell["shape"] for _, cell in cells("grids")}
    near = {f"{a}x{b}" for a in range(3, 11) for b in range(3, 11) if abs(a - b) <= 1}
    assert shapes == near


def test_paths_by_networkx() -> None:
    """In the graph of each colour, which stations hang together?"""
    generator = generator_of("subway")
    asked: Counter[str] = Counter()
    maps = set()
    for k, cell in cells("subway", side=[512, 512], width=10):
        scene = generator.scene(k)
        joined: Counter[frozenset[str]] = Counter()
        pieces: Counter[frozenset[tuple[int, int]]] = Counter()
        for mark in of(scene, "path"):
            graph = nx.Graph()
            nodes = np.rint(mark.vertices / 512 * 18).astype(int)
            assert np.allclose(nodes * 512 / 18, mark.vertices)
            for (x0, y0), (x1, y1) in itertools.pairwise(nodes.tolist()):
                steps = max(abs(x1 - x0), abs(y1 - y0))
                assert 0 in (x1 - x0, y1 - y0)
                way = [
                    (x0 + (x1 - x0) * n // steps, y0 + (y1 - y0) * n // steps)
                    for n in range(steps + 1)
                ]
                nx.add_path(graph, way)
            pieces.update(frozenset(edge) for edge in graph.edges)
            ends = [node for node in graph if _station(*node)]
            assert len(ends) == 2
            assert nx.has_path(graph, *ends)
            joined[frozenset(str(_station(*end)) for end in ends)] += 1
        assert max(pieces.values()) == 1  # no two paths share a piece
        assert len({mark.style.stroke for mark in of(scene, "path")}) == 2 * cell["paths"]
        for name in "ABCD":
            assert sum(n for pair, n in joined.items() if name in pair) == cell["paths"]
        a, b = (mark.params["text"] for mark in of(scene, "text") if mark.params["asked"])
        answer = answers("subway", k, scene)
        assert answer == [str(joined[frozenset((a, b))])] * 2
        asked[answer[0]] += 1
        maps.add(b"".join(mark.vertices.tobytes() for mark in of(scene, "path")))
    assert len(maps) == 45
    assert {"0", "1", "2"} <= set(asked)


def _station(x: int, y: int) -> str | None:
    where = {"A": 8 <= x <= 10 and y == 2, "C": 8 <= x <= 10 and y == 16}
    where |= {"B": 8 <= y <= 10 and x == 16, "D": 8 <= y <= 10 and x == 2}
    return next((name for name, here in where.items() if here), None)


@pytest.mark.parametrize("task", TASKS)
def test_any_number_of_pictures(task: str) -> None:
    """Beyond the grid its cells come again, and what is drawn at random is drawn anew."""
    generator = generator_of(task)
    count = TASKS[task][0]
    once, again = generator[3], generator[count + 3]
    assert again.record["axes"] == once.record["axes"]
    assert again.record["repeat"] == 1
    if task not in ("letter", "grids"):  # blank tables and circled letters have nothing random
        assert once.image.tobytes() != again.image.tobytes()


def test_a_factor_may_be_drawn_instead() -> None:
    distance = "primitives.blindtest.distance={dist: uniform, low: -0.5, high: 0.5}"
    generator = Generator.from_config(["recipe=blindtest_circles", distance])
    drawn = [generator.scene(k).marks[0].params["distance"] for k in range(20)]
    assert len(set(drawn)) == 7  # for three sizes each
    for k in range(20):
        assert answers("circles", k, generator.scene(k))[1] == _word(drawn[k] < 0)


def _word(true: bool) -> str:
    return "yes" if true else "no"


def test_what_makes_no_sense_is_refused() -> None:
    for overrides, words in (
        (["recipe=blindtest_lines", "primitives.blindtest.crossings=3"], "crossings: 3"),
        (["recipe=blindtest_subway", "primitives.blindtest.paths=4"], "paths: 4"),
        (["recipe=blindtest_squares", "primitives.blindtest.depth=9"], "depth: 9"),
        (["recipe=blindtest_grids", "primitives.blindtest.shape=3"], "shape: 3"),
        (["recipe=blindtest_letter", "primitives.blindtest.letter=52"], "letter: 52"),
        (["recipe=blindtest_circles", "primitives.blindtest.diameter=0.9"], "diameter: .* lower"),
        (["recipe=blindtest_circles", "primitives.blindtest.rotation=up"], "rotation: 'up'"),
        (["recipe=blindtest_shapes", "primitives.blindtest.size=0.5"], "size: .* lower"),
        (["recipe=blindtest_lines", "labels.blindtest.task=two_circles"], "no circle to ask for"),
    ):
        with pytest.raises(ConfigError, match=words):
            Generator.from_config(overrides)[0]
