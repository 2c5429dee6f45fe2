"""``map``: groups by values that only the data know, found once, and a function on each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from synthdata import api
from synthdata.axes import Axis
from synthdata.cli import main
from synthdata.components import coerce
from synthdata.dataset import Dataset
from synthdata.errors import ConfigError
from synthdata.maps import mapping
from synthdata.run import Run

PLATE = [
    *("recipe=plate", "axes.values.well=[A01,A03,C02]", "axes.values.site=[1,2]", "report=null"),
    *("axes.values.time=[1,2]", "primitives.cells.count=3", "canvas.size=[32,24]"),
    *("primitives.cells.dose=0.0", "labels=marks", "engine=serial"),
]


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return api.generate(PLATE, tmp_path_factory.mktemp("maps") / "plate")


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    overrides = ["primitives=[lines,circles]", "n=12", "labels=[marks,image_level]", "report=null"]
    overrides += ["primitives.lines.count=[0,1]", "primitives.circles.count=[0,1]"]
    overrides += ["canvas.size=[24,24]", "canvas.background=[red,blue]", "engine=serial"]
    return api.generate(overrides, tmp_path_factory.mktemp("maps") / "shapes")


def results(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "results.jsonl").open()]


def test_values_are_found_in_records_of_a_run_without_axes(shapes: Run, tmp_path: Path) -> None:
    for key, of in (
        ("background", lambda r: {r["background"]}),
        ("marks.category", lambda r: {m["category"] for m in r["marks"]}),
        ("class", lambda r: {r["class"]}),
    ):
        target = tmp_path / key
        assert (
            main(["map", str(shapes.path), "fn=statistics", f"axis={key}", "-o", str(target)]) == 0
        )
        rows = {row["axes"][key]: row["samples"] for row in results(target)}
        expected: dict[Any, int] = {}
        for record in shapes.records():
            for value in of(record):
                expected[value] = expected.get(value, 0) + 1
        assert rows == expected


def test_statistics_are_those_of_the_group(plate: Run, tmp_path: Path) -> None:
    assert (
        main(["map", str(plate.path), "fn=statistics", "axis=channel", "-o", str(tmp_path / "s")])
        == 0
    )
    for row in results(tmp_path / "s"):
        records = [r for r in plate.records() if r["axes"]["channel"] == row["axes"]["channel"]]
        assert row["samples"] == len(records) == 12
        assert row["result"]["marks"] == {"cell": 36}
        files = {p.name: p for p in plate.path.glob("dataset/*/*.tif")}
        grey = np.stack([np.asarray(Image.open(files[r["file_name"]])) for r in records])
        assert row["result"]["brightness"] == pytest.approx(grey.mean(), abs=1e-5)
        assert row["result"]["contrast"] == pytest.approx(grey.std(), abs=1e-5)


def test_a_mosaic_has_every_well_in_its_place(plate: Run, tmp_path: Path) -> None:
    overrides = ["fn=mosaic", "axis=[channel,time]", "-o", str(tmp_path / "m"), "engine=serial"]
    assert main(["map", str(plate.path), *overrides]) == 0
    rows = results(tmp_path / "m")
    assert [(r["axes"]["channel"], r["axes"]["time"]) for r in rows] == [
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    ]
    picture = np.asarray(Image.open(tmp_path / "m" / rows[1]["result"]["file"]))
    files = {p.name: p for p in plate.path.glob("dataset/*/*.tif")}
    step = 33, 25
    for name, row, column in (("A01", 0, 0), ("A03", 0, 2), ("C02", 2, 1)):
        for site in (1, 2):
            x, y = 1 + (2 * column + site - 1) * step[0], 1 + 2 * row * step[1]
            own = np.asarray(Image.open(files[f"{name}_s{site}_w1_t2.tif"]))
            assert np.array_equal(picture[y : y + 24, x : x + 32, 0], own)
    assert (picture[1 + 2 * step[1], 1 + 3 * step[0]] == 228).all()  # where there is no well


def test_gifs_have_the_frames_and_sheets_the_pictures(plate: Run, tmp_path: Path) -> None:
    assert main(["map", str(plate.path), "fn=gif", "axis=well", "-o", str(tmp_path / "g")]) == 0
    for row in results(tmp_path / "g"):
        with Image.open(tmp_path / "g" / row["result"]["file"]) as picture:
            assert picture.size == (32, 24)
            assert picture.n_frames <= row["result"]["frames"] == 8  # equal ones are one
    sheet = ["map", str(plate.path), "fn=contact_sheet", "axis=well", "samples=3", "engine=serial"]
    assert main([*sheet, "-o", str(tmp_path / "c")]) == 0
    assert results(tmp_path / "c")[0]["result"]["images"] == 3


def test_ones_own_function_is_called_where_the_engine_makes_calls(
    plate: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    (tmp_path / "own_maps.py").write_text(
        "def brightest(group):\n"
        "    if group.coordinates['well'] == 'A03':\n"
        "        raise SystemExit('not this one')\n"
        "    (group.folder / f'{group.stem}.txt').write_text('here')\n"
        "    return int(max(image.max() for image in group.images())) * group.options['times']\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    overrides = ["fn=own_maps:brightest", "axis=well", "times=2", "engine=loky"]
    assert main(["map", str(plate.path), *overrides, "engine.workers=2", "-o", "out"]) == 1
    rows = results(tmp_path / "out")
    assert [row["axes"]["well"] for row in rows] == ["A01", "A03", "C02"]
    assert rows[1]["cause"] == "SystemExit: not this one"
    assert rows[0]["result"] > 200
    assert (tmp_path / "out" / "well-C02.txt").read_text() == "here"
    assert "3 groups, 1 failed" in capsys.readouterr().out


def test_groups_are_kept_until_the_data_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = api.generate(
        ["n=4", "canvas.size=[16,16]", "report=null", "engine=serial"], tmp_path / "r"
    )
    first = mapping.found(run, ["index"])
    assert list(first) == [(0,), (1,), (2,), (3,)]
    read: list[int] = []
    records = Run.metadata
    monkeypatch.setattr(Run, "metadata", lambda self: read.append(1) or records(self))
    assert mapping.found(run, ["index"]) == first
    assert not read
    assert mapping.found(run, ["index"], renew=True) == first
    assert len(read) == 1
    metadata = run.path / "dataset" / "00000" / "metadata.jsonl"
    lines = metadata.read_text().splitlines(keepends=True)
    metadata.write_text("".join(lines[:-1]))
    os.utime(metadata, ns=(1, 1))
    assert list(mapping.found(run, ["index"])) == [(0,), (1,), (2,)]
    assert len(read) == 2


def test_an_axis_without_values_is_a_warning_and_an_empty_result(
    plate: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = sorted(plate.path.rglob("*"))
    overrides = ["fn=statistics", "-o", str(tmp_path / "e")]
    assert main(["map", str(plate.path), "axis=[well,marks]", *overrides]) == 0
    assert "no record has a value on well, marks; keys below it have: marks.id, " in caplog.text
    assert not list(tmp_path.iterdir())
    assert sorted(plate.path.rglob("*")) == before
    assert main(["map", str(plate.path), "axis=well", *overrides]) == 0
    assert len(results(tmp_path / "e")) == 3


def test_keys_below_what_is_empty_in_all_records_may_be_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    nothing = ["n=2", "primitives.lines.count=0", "canvas.size=[8,8]", "report=null"]
    run = api.generate([*nothing, "engine=serial"], tmp_path / "r")
    for key in ("marks", "marks.params.width"):
        assert main(["map", str(run.path), "fn=statistics", f"axis={key}"]) == 0
        assert caplog.records[-1].message == f"no record has a value on {key}"
    for key in ("mark.params.width", "background.red"):
        assert main(["map", str(run.path), "fn=statistics", f"axis={key}"]) == 2
        assert f"axis: {key!r} is no axis of" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["r"]


def test_a_run_cut_along_an_axis_is_mapped_along_another(tmp_path: Path) -> None:
    run = api.generate([*PLATE, "parallel.axis=time"], tmp_path / "cut")
    assert main(["map", str(run.path), "fn=statistics", "axis=[well,site]"]) == 0
    rows = results(tmp_path / "cut-statistics-well")
    assert [row["samples"] for row in rows] == [4] * 6


def test_discovered_values_become_those_of_an_axis(plate: Run) -> None:
    axis = coerce(
        {"axis": "discover", "run": str(plate.path), "key": "well"}, Axis, "axes.values.w"
    )
    assert axis.values == ("A01", "A03", "C02")
    overrides = [
        "axes=product",
        f"axes.values.w={{axis: discover, run: '{plate.path}', key: well}}",
    ]
    config = api.config(overrides)
    assert config.n == 3
    assert config.to_mapping()["axes"]["values"]["w"] == ["A01", "A03", "C02"]
    for node, words in (
        ({"run": str(plate.path), "key": "nothing"}, "no record of"),
        ({"run": "no/such", "key": "well"}, "has no dataset"),
    ):
        with pytest.raises(ConfigError, match=words):
            coerce({"axis": "discover", **node}, Axis, "axes.values.w")


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Its axis ``side`` has lists for values: the sizes of its pictures."""
    overrides = ["axes=product", "axes.values={side: [[48, 36], [33, 25]], copy: 3}"]
    overrides += ["axes.bind.side=canvas.size", "primitives=circles", "report=null"]
    path = tmp_path_factory.mktemp("maps") / "sizes"
    return api.generate([*overrides, "engine=serial"], path)


def test_a_list_that_is_a_value_of_an_axis_is_one_value(sizes: Run, tmp_path: Path) -> None:
    for name, key in (("found", "side"), ("kept", "side"), ("full", "axes.side")):
        target = tmp_path / name
        assert main(["map", str(sizes.path), "fn=gif", f"axis={key}", "-o", str(target)]) == 0
        rows = results(target)
        assert [row["axes"][key] for row in rows] == [[33, 25], [48, 36]]
        for row in rows:
            with Image.open(target / row["result"]["file"]) as film:
                assert [*film.size] == row["axes"][key]
    node = {"axis": "discover", "run": str(sizes.path), "key": "side"}
    config = api.config(["axes=product", "axes.values.s=" + str(node).replace("'", "")])
    assert config.to_mapping()["axes"]["values"]["s"] == [[33, 25], [48, 36]]
    assert config.to_yaml()


@pytest.mark.slow
def test_films_have_the_frames(sizes: Run, tmp_path: Path, capsys: Any) -> None:
    films = pytest.importorskip("imageio_ffmpeg")
    command = ["map", str(sizes.path), "fn=mp4", "engine=serial"]
    assert main([*command, "axis=side", "fps=5", "-o", str(tmp_path / "films")]) == 0
    samples = Dataset.from_run(sizes.path)
    for row in results(tmp_path / "films"):
        frames = films.read_frames(str(tmp_path / "films" / row["result"]["file"]))
        told = next(frames)
        width, height = told["size"]
        assert told["fps"] == 5
        assert [width - width % 2, height - height % 2] == [width, height]
        pictures = [sample["image"] for sample in samples.sel(side=[row["axes"]["side"]])]
        for frame, picture in zip(frames, pictures, strict=True):
            shown = np.frombuffer(frame, np.uint8).reshape(height, width, 3).astype(int)
            h, w = picture.shape[:2]
            assert np.abs(shown[:h, :w] - picture).mean() < 12  # H.264 loses some
    capsys.readouterr()
    assert main([*command, "axis=copy", "-o", str(tmp_path / "none")]) == 1
    assert "pictures of 48x36 and 33x25 cannot be in one film" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["axis=well"], "fn: missing"),
        (["fn=statistics"], "axis: missing"),
        (["fn=statistics", "axis=wel"], "and no key of its records; did you mean 'well'?"),
        (["fn=statistics", "axis=[well,chanel]"], "'chanel' is no axis of"),
        (["fn=statistics", "axis=category"], "did you mean 'marks.category'?"),
        (["fn=statistics", "axis=alive"], "did you mean 'marks.params.alive'?"),
        (["fn=statistics", "axis=zzz"], "known: background, channel, effects, file_name, height,"),
        (["fn=statistic", "axis=well"], "nor module:function; did you mean 'statistics'?"),
        (["fn=os:nothing", "axis=well"], "has no function"),
        (["fn=no_module_here:f", "axis=well"], "cannot import"),
        (["fn=statistics", "axis=well", "engine=lok"], "'lok' is not an option"),
        (["fn=gif", "axis=well", "fsp=3"], "fsp: gif has no such option; did you mean 'fps'?"),
        (["fn=statistics", "axis=well", "cell=3"], "cell: statistics has no such option; it takes"),
        (["fn=mosaic", "axis=time", "wells=a"], "wells: mosaic has no such option; did you mean"),
        (["fn=contact_sheet", "axis=well", "cell=0"], "cell: 0 is not a whole number from 1 to"),
        (["fn=contact_sheet", "axis=well", "samples=true"], "samples: True is not a whole number"),
        (["fn=mosaic", "axis=time", "well=3"], "well: 3 is not a name"),
    ],
)
def test_bad_input_is_one_sentence(
    plate: Run, arguments: list[str], words: str, capsys: Any, tmp_path: Path
) -> None:
    assert main(["map", str(plate.path), *arguments, "-o", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
