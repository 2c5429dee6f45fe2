"""The pages in a real browser, headless: what a person sees and does."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from report_cases import SMALL, only, opened, painted, press, show, wait

import synthdata
from synthdata.report import report
from synthdata.report.page import page
from synthdata.report.server import Server
from synthdata.report.sweep import write_index

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def separate(tmp_path_factory: pytest.TempPathFactory) -> synthdata.Run:
    """Samples whose objects do not overlap, and are far enough from each other for their boxes."""
    overrides = [
        *("primitives=rectangles", "layout=non_overlapping", "layout.gap=12", "n=6"),
        *("engine=serial", "canvas.size=[160,120]", "primitives.rectangles.count=3"),
        *("primitives.rectangles.size_x=0.2", "primitives.rectangles.size_y=0.15"),
        *("primitives.rectangles.color=navy", "labels=[marks,boxes,segments,instance_mask]"),
    ]
    return synthdata.generate(overrides, tmp_path_factory.mktemp("browser") / "separate")


def test_the_picture_is_the_file_and_boxes_hold_the_objects(
    window: Any, separate: synthdata.Run
) -> None:
    """Pixels that are not background lie in boxes, and touch all four sides of each."""
    for at in range(3):
        record = opened(window, separate, at)
        width, height, pixels = painted(window, "picture")
        assert (width, height) == (record["width"], record["height"])
        image = synthdata.Generator(separate.config.sample_config)[record["index"]].image
        assert bytes(v for k, v in enumerate(pixels) if k % 4 < 3) == image.tobytes()
        ink = {
            (k % width, k // width)
            for k in range(width * height)
            if pixels[4 * k : 4 * k + 3] != b"\xff\xff\xff"
        }
        drawn = boxes_on_screen(window, record)
        assert len(drawn) == len(record["marks"]) == 3
        for left, top, right, bottom in drawn:  # in pixels of the picture, by the drawn strokes
            inside = {
                (x, y)
                for x, y in ink
                if left - 3 <= x + 0.5 <= right + 3 and top - 3 <= y + 0.5 <= bottom + 3
            }
            xs, ys = [x for x, _ in inside], [y for _, y in inside]
            assert abs(min(xs) - left) <= 1.5
            assert abs(max(xs) + 1 - right) <= 1.5
            assert abs(min(ys) - top) <= 1.5
            assert abs(max(ys) + 1 - bottom) <= 1.5
            ink -= inside
        assert ink == set()


def boxes_on_screen(window: Any, record: dict[str, Any]) -> list[tuple[float, ...]]:
    """Where the overlay has the box of each mark, in pixels of the picture: from its own pixels."""
    found = []
    for mark in record["marks"]:
        window.execute_script("viewer.only = arguments[0]", mark["id"])
        window.execute_script("delete viewer.sample.record.boxes")  # the turned ones
        only(window, "boxes")
        width, height, pixels = painted(window, "overlay")
        on = [k for k in range(width * height) if pixels[4 * k + 3] > 100]
        xs, ys = [k % width for k in on], [k // width for k in on]
        scale = width / record["width"]
        middle = [(min(xs) + 1) / scale, (min(ys) + 1) / scale, max(xs) / scale, max(ys) / scale]
        found.append(tuple(middle))
    window.execute_script("viewer.only = null")
    return found


def test_canvases_lie_over_each_other(window: Any, separate: synthdata.Run) -> None:
    opened(window, separate)
    script = "return ['picture', 'overlay'].map((id) => byId(id).getBoundingClientRect().toJSON())"
    below, above = window.execute_script(script)
    assert below == above
    assert below["width"] / below["height"] == pytest.approx(160 / 120, rel=0.01)


def test_masks_are_the_pixels_of_the_objects(window: Any, separate: synthdata.Run) -> None:
    """By run lengths and by the instance mask alike, pixel for pixel."""
    record = opened(window, separate)
    masks = synthdata.Generator(separate.config.sample_config)[record["index"]].masks["mask"]
    script = """
        const sample = viewer.sample;
        if (arguments[0]) delete sample.record.segments;
        const canvas = maskCanvas(sample, arguments[1]);
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        return data.filter((_, k) => k % 4 === 3).reduce((text, v) => text + (v ? '1' : '0'), '');
    """
    for without_segments in (False, True):
        for mark in record["marks"]:
            shown = window.execute_script(script, without_segments, mark["id"])
            expected = (masks == mark["id"]).astype(int).ravel()
            assert shown == "".join(map(str, expected))


def test_layers_toggle(window: Any, rich_run: synthdata.Run) -> None:
    opened(window, rich_run, 3)
    buttons = window.find_elements("css selector", "#layers button")
    names = [button.get_attribute("data-layer") for button in buttons]
    assert names == ["boxes", "masks", "keypoints", "ids", "relations", "text"]
    window.execute_script("viewer.on.clear(); viewer.buttons(); viewer.draw()")
    assert not any(painted(window, "overlay")[2])
    drawn = {}
    for number, name in enumerate(names, 1):
        available = window.execute_script(
            "return has(LAYERS[arguments[0]], viewer.sample)", number - 1
        )
        selector = f'#layers [data-layer="{name}"]'
        assert window.find_element("css selector", selector).is_enabled() == available
        if not available:
            continue
        press(window, str(number))
        pressed = window.find_element("css selector", selector).get_attribute("aria-pressed")
        assert pressed == "true"
        drawn[name] = painted(window, "overlay")[2]
        assert any(drawn[name]), name
        window.find_element("css selector", selector).click()
        assert not any(painted(window, "overlay")[2])
    assert {"boxes", "masks", "keypoints", "ids", "relations"} <= {*drawn}
    assert len({*drawn.values()}) == len(drawn)


def test_crossings_are_crosses_and_other_meetings_squares(
    window: Any, rich_run: synthdata.Run
) -> None:
    seen = set()
    for at in range(6):
        record = opened(window, rich_run, at)
        only(window, "relations")
        width, height, pixels = painted(window, "overlay")
        scale = width / record["width"]
        found = record["relations"]["intersections"]
        points = [
            (p, kind)
            for pair in found
            for p, kind in zip(pair["points"], pair["kinds"], strict=True)
        ]
        for (x, y), kind in points:
            alone = all(
                abs(x - a) + abs(y - b) > 40 / scale or (x, y) == (a, b) for (a, b), _ in points
            )
            column, row = int(x * scale), int(y * scale)
            if alone and 8 < column < width - 8 and 8 < row < height - 8:
                around = [
                    4 * ((row + v) * width + column + u) for u in range(-8, 9) for v in range(-8, 9)
                ]
                inks = [pixels[k : k + 4] for k in around if pixels[k + 3] > 200]
                crosses = sum(
                    red > 150 and green < 40 and blue < 60 for red, green, blue, _ in inks
                )
                assert (crosses > 10) == (kind == "cross"), (kind, x, y)
                seen.add(kind == "cross")
    assert True in seen


def test_layers_that_the_run_has_not(window: Any, tmp_path: Path) -> None:
    run = synthdata.generate([*SMALL, "labels=[]", "n=2"], tmp_path / "bare")
    opened(window, run)
    buttons = window.find_elements("css selector", "#layers button")
    assert len(buttons) == 6
    assert not any(button.is_enabled() for button in buttons)
    assert all("not in this run" in button.get_attribute("title") for button in buttons)


def test_filters(window: Any, rich_run: synthdata.Run) -> None:
    window.get((rich_run.path / "report.html").absolute().as_uri())
    records = list(rich_run.records())

    def shown() -> list[int]:
        tiles = window.find_elements("css selector", ".tile")
        return [int(tile.get_attribute("data-index")) for tile in tiles]

    def put(name: str, value: str) -> None:
        field = window.find_element("id", f"filter-{name}")
        field.clear()
        field.send_keys(value)

    def having(test: Any) -> list[int]:
        return [r["index"] for r in records if test(r["marks"])]

    wait(window, "sheet.list.length === 30")
    assert shown() == list(range(30))
    window.find_element("css selector", '[data-category="line"]').click()
    assert shown() == having(lambda marks: any(m["category"] == "line" for m in marks))
    put("least", "2")
    assert shown() == having(lambda marks: sum(m["category"] == "line" for m in marks) >= 2)
    window.find_element("css selector", '[data-category="line"]').click()
    put("least", "")
    put("large", "6")
    sides = lambda m: (m["bbox"][2] * m["bbox"][3]) ** 0.5 if m["bbox"] else 1e9  # noqa: E731
    assert shown() == having(lambda marks: any(sides(m) <= 6 for m in marks))
    put("large", "")
    put("most", "0")
    assert shown() == []
    assert "No sample matches" in window.find_element("id", "shown").text


def test_failures_are_shown_and_filtered(window: Any, rich_copy: Path) -> None:
    rows = [
        {"index": k, "cause": f"cause <b>{k}</b>", "traceback": "tr", "attempts": 1} for k in (7, 9)
    ]
    (rich_copy / "failures.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    report(synthdata.Run.load(rich_copy))
    window.get((rich_copy / "report.html").absolute().as_uri())
    wait(window, "sheet.list.length === 32")
    select = """
        const field = byId('filter-state');
        field.value = arguments[0];
        field.dispatchEvent(new Event('change'));
    """
    window.execute_script(select, "failed")
    tiles = window.find_elements("css selector", ".tile")
    assert [tile.get_attribute("data-index") for tile in tiles] == ["7", "9"]
    assert "cause <b>7</b>" in tiles[0].text
    tiles[0].click()
    assert "cause <b>7</b>" in window.find_element("id", "trace").text
    press(window, "\ue00c")  # Escape
    window.execute_script(select, "made")
    assert len(window.find_elements("css selector", ".tile")) == 30


def test_keyboard_and_the_command(window: Any, rich_run: synthdata.Run) -> None:
    opened(window, rich_run, 4)
    press(window, "\ue014")  # right
    wait(window, "viewer.sample.index === 5 && viewer.picture !== null")
    press(window, "\ue012")
    press(window, "\ue012")
    wait(window, "viewer.sample.index === 3 && viewer.picture !== null")
    command = window.find_element("id", "command").text
    assert command.startswith("python -m synthdata remake ")
    assert command.endswith("/rich 3")
    window.find_element("css selector", "#record-box summary").click()
    text = window.execute_script("return byId('record').textContent")
    assert json.loads(text) == list(rich_run.records())[3]
    press(window, "\ue00c")
    assert not window.execute_script("return byId('viewer').open")


def test_hostile_strings_stay_text(window: Any, rich_copy: Path) -> None:
    hostile = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
    path = rich_copy / "dataset" / "00000" / "metadata.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for mark in records[0]["marks"]:
        mark["category"] = hostile
        mark["keypoint_names"] = [hostile] * len(mark["keypoint_names"])
        mark["params"] = {hostile: hostile, "color": hostile}
    records[0] |= {"caption": hostile, "background": hostile}
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    run = synthdata.Run.load(rich_copy)
    report(run)
    opened(window, run)
    only(window, "boxes", "ids", "keypoints", "text", "relations")
    assert "owned" not in window.title
    assert hostile in window.find_element("id", "words").text
    assert not window.find_elements("css selector", "img[src=x]")


def test_a_run_json_that_no_run_wrote(window: Any, rich_copy: Path) -> None:
    state = json.loads((rich_copy / "run.json").read_text())
    state |= {"insights": {"slowest": [3], "workers": [None]}, "seconds": 7, "versions": "x"}
    state |= {"digest": 5, "elapsed_s": "long", "bytes": None, "version": ["x"]}
    (rich_copy / "run.json").write_text(json.dumps(state))
    run = synthdata.Run.load(rich_copy)
    report(run)
    opened(window, run)
    shown = window.execute_script("return byId('objects-cards').children.length")
    assert shown > 3
    assert "canvas:" in window.find_element("id", "config-text").get_attribute("textContent")
    said = [row["message"] for row in window.get_log("browser")]
    assert len(said) <= 2
    assert all("show" in text for text in said), said


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 390, 1280])
def test_widths_and_themes(window: Any, rich_run: synthdata.Run, width: int, theme: str) -> None:
    size = {"width": width, "height": 844, "deviceScaleFactor": 2, "mobile": width < 500}
    window.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": theme}]
    window.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    opened(window, rich_run)
    assert window.execute_script("return document.documentElement.scrollWidth") <= width
    nav = "const n = document.querySelector('nav'); return n.scrollWidth <= n.clientWidth"
    assert window.execute_script(nav)
    lines = "const r = document.createRange(); r.selectNodeContents(td);"
    lines = f"td => {{ {lines} return r.getClientRects().length }}"
    numbers = f"[...document.querySelectorAll('#making td.num')].map({lines})"
    assert set(window.execute_script(f"return {numbers}")) == {
        1
    }  # a number and its unit stay together
    luminance = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0]"
    assert (window.execute_script(f"return {luminance}") > 128) == (theme == "light")
    left, right = window.execute_script(
        "const r = byId('picture').getBoundingClientRect(); return [r.left, r.right]"
    )
    assert 0 <= left < right <= width
    over = "const r = byId('close').getBoundingClientRect(); const x = (r.left + r.right) / 2;"
    over += "return byId('close').contains(document.elementFromPoint(x, (r.top + r.bottom) / 2))"
    assert window.execute_script(over)  # nothing lies over the button that closes
    overlay = window.execute_script("return byId('overlay').width / byId('overlay').clientWidth")
    assert overlay == pytest.approx(2, rel=0.02)
    window.execute_script("byId('viewer').close(); byId('theme').click()")
    assert (window.execute_script(f"return {luminance}") > 128) == (theme == "dark")
    window.execute_script("localStorage.clear()")


def test_a_served_run(
    window: Any, rich_run: synthdata.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthdata.report.server.PAGE", 12)
    with Server(rich_run) as server:
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            window.get(server.url)
            wait(window, "sheet.list.length === 12")
            window.execute_script("byId('more').click()")
            wait(window, "sheet.list.length === 24")
            record = show(window, 23)
            assert record["index"] == 23
            width, _, pixels = painted(window, "picture")
            assert width == 96
            assert any(pixels)
            press(window, "\ue014")  # the next one has to be fetched
            wait(window, "viewer.sample.index === 24 && viewer.picture !== null")
            press(window, "\ue00c")
            window.find_element("css selector", '[data-category="text"]').click()
            wait(window, "sheet.busy === null && sheet.list.length > 0")
            found = window.execute_script("return sheet.list.map((sample) => sample.index)")
            having = [
                r["index"]
                for r in rich_run.records()
                if any(m["category"] == "text" for m in r["marks"])
            ]
            assert found == having[:12]
        finally:
            server.shutdown()
            thread.join()


def test_every_chart_is_drawn(window: Any, rich_run: synthdata.Run) -> None:
    opened(window, rich_run)
    groups = window.execute_script(
        "return [...document.querySelectorAll('#groups button')].map((b) => b.dataset.group)"
    )
    stats = json.loads((rich_run.path / "stats.json").read_text())
    assert {*groups} == {name.rpartition(".")[0] for name in stats["parameters"]}
    window.execute_script("byId('viewer').close()")
    for group in groups:
        window.execute_script(f"document.querySelector('[data-group=\"{group}\"]').click()")
        shown = window.execute_script(
            "return document.querySelectorAll('#cards > *, #constants code').length"
        )
        assert shown == sum(name.rpartition(".")[0] == group for name in stats["parameters"])
    bad = "[...document.querySelectorAll('svg *')].filter((e) => /NaN|Infinity/.test(e.outerHTML))"
    assert window.execute_script(f"return {bad}.length") == 0
    heat = "byId('objects-cards').querySelector('canvas.heat')"
    drawn = window.execute_script(
        f"return {heat}.getContext('2d').getImageData(0, 0, 32, 32).data.filter(Boolean).length"
    )
    assert drawn > 100


def test_one_of_a_kind_is_no_plural(window: Any, tmp_path: Path) -> None:
    overrides = ["primitives=circles", "primitives.circles.count=1", "primitives.circles.x=-2.0"]
    run = synthdata.generate([*SMALL, *overrides, "n=1"], tmp_path / "run")
    opened(window, run)
    text = window.execute_script("return document.querySelector('main').textContent")
    assert "all 1 sample." in text
    assert "1 of 1 sample in this page" in text
    assert "1 mark is off the canvas" in text
    assert "None is on the canvas." in text
    assert not re.search(r"\b1 (marks|samples)\b", text)
    assert "1 mark ·" in window.execute_script("return byId('viewer').textContent")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("primitives.lines.count=0", "There are no objects."),
        ("labels=[]", "The run has no label marks, so nothing is known of its objects."),
    ],
)
def test_pictures_without_objects(window: Any, tmp_path: Path, override: str, said: str) -> None:
    opened(window, synthdata.generate([*SMALL, override, "n=2"], tmp_path / "run"))
    assert window.execute_script("return byId('objects-cards').textContent") == said
    cards = "return [...document.querySelectorAll('#cards h3')].map((e) => e.textContent)"
    assert "category" not in window.execute_script(cards)


def test_the_index_of_a_sweep(window: Any, tmp_path: Path) -> None:
    for name, overrides in {"0": ["seed=3"], "1": ["primitives=circles", "n=3"]}.items():
        run = synthdata.generate([*SMALL, "n=2", *overrides], tmp_path / "sweep" / name)
        (run.path / ".hydra").mkdir()
        (run.path / ".hydra" / "overrides.yaml").write_text(json.dumps(overrides))
    window.get(write_index(tmp_path / "sweep").as_uri())
    rows = window.find_elements("css selector", "#table tbody tr")
    assert [len(row.find_elements("css selector", "img")) for row in rows] == [2, 3]
    assert wait(window, "[...document.images].every((image) => image.naturalWidth === 96)")
    heads = [head.text for head in window.find_elements("css selector", "#table thead th")]
    assert heads[:4] == ["run", "seed", "primitives", "n"]
    window.find_elements("css selector", "#table thead button")[0].click()
    window.find_elements("css selector", "#table thead button")[0].click()
    first = window.find_element("css selector", "#table tbody a")
    assert first.text == "1"
    first.click()
    assert wait(window, "sheet.list.length === 3")
    assert window.title == "1 · synthdata"


def test_the_page_of_a_study(window: Any, tmp_path: Path) -> None:
    trials = [
        {"trial": 0, "state": "complete", "value": 0.5, "default": True, "count": 3, "cause": ""},
        {"trial": 1, "state": "fail", "value": None, "default": False, "count": 10, "cause": "no"},
        {"trial": 2, "state": "complete", "value": 0.25, "default": False, "count": 2, "cause": ""},
    ]
    told = {"name": "a study", "path": "runs/study", "objective": "counts", "direction": "minimize"}
    rest = {"overrides": [], "best": 2, "default": 0.5, "pictures": {}, "config": "seed: 0"}
    path = tmp_path / "report.html"
    path.write_bytes(page("study", "a study", {**told, **rest, "trials": trials}))
    window.get(path.as_uri())

    def column(place: int) -> list[str]:
        cells = window.find_elements("css selector", f"#table tbody td:nth-child({place})")
        return [cell.text for cell in cells]

    assert column(1) == ["0 (as it is)", "1", "2"]
    assert [a.text for a in window.find_elements("css selector", "nav a")] == [
        *("Plots", "Trials", "Best config")
    ]
    buttons = "#table thead button"
    heads = [button.text for button in window.find_elements("css selector", buttons)]
    assert heads == ["trial ↑", "state", "value", "count", "cause"]
    window.find_elements("css selector", buttons)[2].click()
    assert column(3) == ["0.25", "0.5", ""]  # what has none is last, whichever way
    window.find_elements("css selector", buttons)[2].click()
    assert column(3) == ["0.5", "0.25", ""]
    assert window.find_element("css selector", "#table strong").text == "2"
    figures = window.find_elements("css selector", "#figures dd")
    assert [figure.text for figure in figures] == ["3", "1", "0.5", "0.25"]
