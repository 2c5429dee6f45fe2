"""Golden hashes: samples 0 to 3 of every shipped primitive, and more, are what they were.

They are to be trusted because these pictures were looked at, and because the renderer that made
them is held against ordinary matplotlib figures (tests/renderers/test_agg.py) and the records
against what is painted (tests/geometry). What they add is that nothing changes unnoticed: a change
here is a change of published data sets, and wants a new version.

``UPDATE_GOLDEN=1 pytest tests/test_golden.py`` writes them anew; look at the pictures then
(``python -m synthdata show primitives=...``).

Pixels depend on the version of matplotlib, whose Agg draws them, so they are compared only with
the version that made them. Records depend on nothing but this package, except for those of texts,
whose glyphs are in the fonts that matplotlib ships.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from processes import environment

from synthdata.compose import conf_dir
from synthdata.generator import Generator

GOLDEN = Path(__file__).with_name("golden.json")
PRIMITIVES = sorted(p.stem for p in (conf_dir() / "primitives").glob("*.yaml"))
#: What is done to rectangles, by arithmetic of our own and not by Pillow's.
DONE = (
    *("style=hand_drawn", "effects=lens", "effects=light", "effects=sensor"),
    *("effects=sharpen", "effects=vignette", "effects=white_balance"),
)
NAMES = (*PRIMITIVES, *DONE)
SAMPLES = 4
WITH_FONTS = ("charts", "mixed", "text")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def hashes(name: str) -> dict[str, list[str]]:
    """Of the pixels, the masks and the records, for each of the first samples."""
    overrides = ["primitives=rectangles", name] if "=" in name else [f"primitives={name}"]
    generator = Generator.from_config(
        [*overrides, "canvas.size=[128,96]", "labels=[marks,instance_mask]"]
    )
    samples = [generator[index] for index in range(SAMPLES)]
    records = [json.dumps(s.record, ensure_ascii=True, separators=(",", ":")) for s in samples]
    return {
        "pixels": [sha(s.image.tobytes()) for s in samples],
        "masks": [sha(s.masks["mask"].tobytes()) for s in samples],
        "records": [sha(r.encode()) for r in records],
    }


def golden() -> dict[str, Any]:
    return json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}


def same_matplotlib() -> bool:
    """Whether no other version would be to blame."""
    return bool(golden()["matplotlib"] == version("matplotlib"))


@pytest.fixture(scope="module", autouse=True)
def update() -> None:
    if os.environ.get("UPDATE_GOLDEN"):
        made = {"matplotlib": version("matplotlib"), **{n: hashes(n) for n in NAMES}}
        GOLDEN.write_text(json.dumps(made, indent=1) + "\n")


def test_every_primitive_has_hashes_and_no_others_do() -> None:
    assert set(golden()) == {"matplotlib", *NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_records_and_pixels(name: str) -> None:
    found, expected = hashes(name), golden()[name]
    if same_matplotlib() or name not in WITH_FONTS:
        assert found["records"] == expected["records"]
    if same_matplotlib():
        assert found["pixels"] == expected["pixels"]
        assert found["masks"] == expected["masks"]


def test_pixels_are_compared() -> None:
    if not same_matplotlib():
        made_with = golden()["matplotlib"]
        pytest.skip(f"these hashes are matplotlib {made_with}'s; this is {version('matplotlib')}")


def test_samples_differ() -> None:
    """A hash that is the same everywhere would hold nothing."""
    for name in NAMES:
        assert len(set(golden()[name]["pixels"])) == SAMPLES
        assert len(set(golden()[name]["records"])) == SAMPLES


RCPARAMS = """
path.simplify: False
path.snap: True
agg.path.chunksize: 20
text.hinting: force_autohint
text.hinting_factor: 1
text.antialiased: False
lines.antialiased: False
patch.antialiased: False
lines.scale_dashes: False
font.family: monospace
figure.dpi: 300
backend: svg
"""


@pytest.mark.slow
def test_nothing_of_the_environment_matters(tmp_path: Path) -> None:
    """Neither the user's matplotlib style nor locale, time zone, hash seed and current folder."""
    (tmp_path / "matplotlibrc").write_text(RCPARAMS)
    changed = {
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "PYTHONHASHSEED": "1",
        "LC_ALL": "C",
        "TZ": "Asia/Kathmandu",
        "OMP_NUM_THREADS": "1",
    }
    here = str(Path(__file__).parent)
    code = f"import sys, json; sys.path.insert(0, {here!r}); import test_golden as t\n"
    code += "print(json.dumps({n: t.hashes(n) for n in t.NAMES}))"
    process = subprocess.run(
        [sys.executable, "-c", code],
        env=environment() | changed,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(process.stdout) == {name: hashes(name) for name in NAMES}
