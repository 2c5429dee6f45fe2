"""The page is one file whose data is never code."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import synthdata
from synthdata.encoders.png import Png
from synthdata.errors import ConfigError
from synthdata.report import report
from synthdata.report.page import SCRIPTS, page
from synthdata.report.pictures import load
from synthdata.report.sweep import write_index

HOSTILE = "</script><script>alert(1)</script><!--<script><img src=x onerror=alert(2)>"


class Elements(HTMLParser):
    """The elements of a page, with the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: list[tuple[str, str]] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.texts.append((self._inside, data))


def data_of(path: Path) -> dict:
    scripts = [text for tag, text in Elements(path.read_text()).texts if tag == "script"]
    return json.loads(scripts[0])


def test_one_file_that_needs_no_other(rich_run: synthdata.Run) -> None:
    text = (rich_run.path / "report.html").read_text()
    page = Elements(text)
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed", "base")
        assert not (tag == "script" and "src" in attributes)
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), value
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    code = "".join(text for _, text in page.texts if not text.startswith("{"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", code)
    assert "@import" not in code
    assert "url(" not in code


def test_the_policy_names_its_own_script_and_style(rich_run: synthdata.Run) -> None:
    page = Elements((rich_run.path / "report.html").read_text())
    [policy] = [a["content"] for _, a in page.tags if a.get("http-equiv")]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    [style] = [text for tag, text in page.texts if tag == "style"]
    script = [text for tag, text in page.texts if tag == "script"][1]
    for kind, text in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}';" in policy


@pytest.mark.parametrize("name", list(SCRIPTS))
def test_every_page_has_the_frame_and_its_navigation_leads_to_sections(name: str) -> None:
    tags = Elements(page(name, "<i>", {}).decode()).tags
    sections = [a["id"] for tag, a in tags if tag == "section" and "id" in a]
    links = [a["href"][1:] for tag, a in tags if tag == "a"]
    assert links == [sections[0], *sections]  # the first one skips the navigation
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(set(ids)) == len(ids)
    assert ids[:5] == ["theme", "name", "path", "figures", "note"]
    assert "i" not in [tag for tag, _ in tags]


def test_what_a_run_says_is_data(rich_copy: Path) -> None:
    path = rich_copy / "dataset" / "00000" / "metadata.jsonl"
    records = [json.loads(line) for line in path.read_text().splitlines()]
    records[0]["marks"][0]["category"] = HOSTILE
    records[0]["marks"][0]["params"][HOSTILE] = HOSTILE
    records[0]["caption"] = HOSTILE
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    (rich_copy / "failures.jsonl").write_text(
        json.dumps({"index": 99, "cause": HOSTILE, "traceback": HOSTILE, "attempts": 1}) + "\n"
    )
    hostile = rich_copy.with_name("<script>alert(3)<")
    rich_copy.rename(hostile)
    html, _ = report(synthdata.Run.load(hostile))
    plain = Elements(html.read_text())
    before = Elements(page("report", "a", {}).decode())
    assert [tag for tag, _ in plain.tags] == [tag for tag, _ in before.tags]
    data = data_of(html)
    assert data["name"] == hostile.name
    assert data["failures"][0]["cause"] == HOSTILE
    assert json.loads(data["samples"][0]["record"])["caption"] == HOSTILE
    assert HOSTILE in data["stats"]["categories"]


def test_samples_are_those_of_the_run(rich_run: synthdata.Run) -> None:
    samples = data_of(rich_run.path / "report.html")["samples"]
    assert [s["record"] for s in samples] == [line.decode() for line in rich_run.metadata()]
    first = json.loads(samples[0]["record"])
    for name, key in (("", "sha256"), ("mask", "mask_sha256")):
        picture = base64.b64decode(samples[0]["images"][name].partition("base64,")[2])
        assert hashlib.sha256(picture).hexdigest() == first[key]


@pytest.mark.parametrize("encoder", ["png", "jpeg", "tiff"])
def test_large_pictures_are_shown_as_jpeg(
    encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = ["effects=[gaussian_noise]", "effects.gaussian_noise.std=40", f"encoder={encoder}"]
    sizes = ["canvas.size=[96,64]", "n=20", "labels=[marks,instance_mask]", "engine=serial"]
    run = synthdata.generate([*noisy, *sizes, "report=null"], tmp_path / "run")
    files = sum(f.stat().st_size for f in run.path.glob("dataset/*/0*[0-9].???"))
    monkeypatch.setattr("synthdata.report.write.LARGEST", int(files * 0.8) + 60_000)
    html, _ = report(run)
    samples = data_of(html)["samples"]
    assert len(samples) == 20
    if encoder == "jpeg":  # which would be no smaller
        return
    assert any(sample["preview"] for sample in samples)
    for sample in samples:
        kind, _, text = sample["images"][""].partition(";base64,")
        with Image.open(io.BytesIO(base64.b64decode(text))) as picture:
            shown = np.asarray(picture).astype(float)
        _, file = load(run, 0, json.loads(sample["record"]))
        with Image.open(io.BytesIO(file)) as picture:
            exact = np.asarray(picture).astype(float)
        assert shown.shape == exact.shape, "layers over it are in its pixels"
        assert (kind == "data:image/jpeg") == sample["preview"] == bool((shown != exact).any())
        assert abs(shown - exact).mean() < 25
        assert sample["images"]["mask"].startswith("data:image/png")


def test_a_few_large_pictures_leave_the_others_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = ["axes=product", "axes.values.sigma=[0.0,0.1,0.2,60.0]"]
    grid += ["effects=[gaussian_noise]", "effects.gaussian_noise.std={dist: axis, name: sigma}"]
    run = synthdata.generate(
        [*grid, "canvas.size=[128,128]", "engine=serial", "report=null"], tmp_path / "run"
    )
    sizes = [f.stat().st_size for f in sorted(run.path.glob("dataset/*/*.png"))]
    assert max(sizes) > 3 * sorted(sizes)[-2]
    records = sum(map(len, run.metadata()))
    monkeypatch.setattr("synthdata.report.write.LARGEST", sum(sizes) + records)  # in base 64 more
    samples = data_of(report(run)[0])["samples"]
    assert [sample["preview"] for sample in samples] == [size == max(sizes) for size in sizes]


def test_a_sweeps_page_has_five_of_each_run_also_of_noisy_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noisy = ["effects=[gaussian_noise]", "n=6", "canvas.size=[128,96]", "engine=serial"]
    for seed in range(2):
        synthdata.generate([*noisy, f"seed={seed}", "report=null"], tmp_path / str(seed))
    sizes = [f.stat().st_size for f in tmp_path.glob("*/dataset/*/*.png")]
    monkeypatch.setattr("synthdata.report.sweep.LARGEST", int(sum(sizes) * 0.6))
    runs = data_of(write_index(tmp_path))["runs"]
    assert [len(run["pictures"]) for run in runs] == [5, 5]
    assert all(uri.startswith("data:image/jpeg") for run in runs for uri in run["pictures"])
    monkeypatch.setattr("synthdata.report.sweep.LARGEST", sum(sizes) * 20)
    runs = data_of(write_index(tmp_path))["runs"]
    assert all(uri.startswith("data:image/png") for run in runs for uri in run["pictures"])


def test_very_large_pictures_are_fewer(rich_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthdata.report.write.LARGEST", 60_000)
    html, _ = report(synthdata.Run.load(rich_copy))
    assert 1 <= len(data_of(html)["samples"]) < 30
    html, _ = report(synthdata.Run.load(rich_copy), shown=0)
    assert data_of(html)["samples"] == []


@pytest.mark.parametrize("encoder", ["jpeg", "webp", "tiff", "npy"])
def test_every_encoder_can_be_shown(tmp_path: Path, encoder: str) -> None:
    overrides = ["canvas.size=[16,12]", "n=1", "engine=serial", f"encoder={encoder}"]
    run = synthdata.generate(overrides, tmp_path / "run")
    [record] = run.records()
    kind, data = load(run, 0, record)
    if encoder in ("jpeg", "webp"):
        assert kind == f"image/{encoder}"
        assert data == run.config.store.read(run.path, 0, record["file_name"])
    else:
        expected = synthdata.Generator(run.config.sample_config)[0].image
        assert (kind, data) == ("image/png", Png().encode(np.ascontiguousarray(expected), 72.0))


@pytest.mark.parametrize("name", ["../../config.yaml", "/etc/passwd", ".hidden", "", 3, None])
def test_file_names_of_strangers(rich_run: synthdata.Run, name: object) -> None:
    with pytest.raises(ConfigError, match="not the name of a file"):
        load(rich_run, 0, {"index": 0, "file_name": name})


def test_what_is_no_picture(rich_copy: Path) -> None:
    run = synthdata.Run.load(rich_copy)
    for content in (b"", b"hello", b"\x93NUMPY\x01\x00"):
        (rich_copy / "dataset" / "00000" / "x.tif").write_bytes(content)
        with pytest.raises(ConfigError, match="cannot be read"):
            load(run, 0, {"index": 0, "file_name": "x.tif"})
    with pytest.raises(ConfigError, match="cannot be read"):
        load(run, 0, {"index": 0, "file_name": "gone.png"})


def test_a_folder_name_that_is_no_utf8(rich_copy: Path) -> None:
    odd = Path(f"{rich_copy}-\udcff")
    try:
        shutil.move(rich_copy, odd)
    except OSError:
        pytest.skip("this file system wants UTF-8")
    html, _ = report(synthdata.Run.load(odd))
    assert data_of(html)["name"].endswith("-?")
