"""The gallery has every option that can be seen, and one command builds it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from processes import environment

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import gallery  # noqa: E402


def test_the_page_is_what_the_command_writes() -> None:
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page()


def test_every_option_has_its_picture() -> None:
    shown = gallery.page()
    assert all(gallery.options(group) for group in ("primitives", "style", "effects"))
    for group, (_, _, name) in gallery.GROUPS.items():
        for option in gallery.options(group):
            assert (ROOT / "docs" / "images" / name.format(option)).exists(), f"{group}={option}"
            assert f"`{group}={option}`" in shown


@pytest.mark.slow
def test_the_command_builds_all_pictures(tmp_path: Path) -> None:
    """The page stays as it is."""
    before = gallery.PAGE.read_text(encoding="utf-8")
    command = [sys.executable, str(ROOT / "scripts" / "pictures.py"), "--into", str(tmp_path)]
    subprocess.run(command, env=environment(), check=True, capture_output=True)
    made = {picture.name for picture in tmp_path.glob("*.png")}
    there = {picture.name for picture in (ROOT / "docs" / "images").glob("*.png")}
    assert made == there - {"report.png"}  # which needs a browser
    for name in made:
        with Image.open(tmp_path / name) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 24) or ()) > 2, name
    assert gallery.PAGE.read_text(encoding="utf-8") == before
