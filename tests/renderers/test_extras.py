"""Renderers whose package is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from synthdata import generate
from synthdata.errors import ConfigError


@pytest.mark.parametrize(
    ("renderer", "package", "extra"), [("opencv", "cv2", "opencv"), ("svg", "resvg_py", "svg")]
)
def test_a_renderer_that_is_not_there_is_refused_before_anything_is_made(
    renderer: str, package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ConfigError) as caught:
        generate([f"renderer={renderer}", "n=2"], tmp_path / "run")
    assert str(caught.value).startswith(f"renderer={renderer} needs ")
    assert f"'synthdata[{extra}]'" in str(caught.value)
    assert not (tmp_path / "run").exists()
