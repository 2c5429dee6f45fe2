"""Runs for reports, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import synthdata

LABELS = "labels=[marks,boxes,segments,visibility,keypoints,relations,texts,instance_mask]"
SMALL = ["canvas.size=[96,64]", "engine=serial"]


@pytest.fixture(scope="session")
def rich_run(tmp_path_factory: pytest.TempPathFactory) -> synthdata.Run:
    """30 samples with every label that a page has a layer for; not to be changed."""
    overrides = ["primitives=mixed", "n=30", "shard_size=8", "effects=[blur,affine]", LABELS]
    return synthdata.generate([*SMALL, *overrides], tmp_path_factory.mktemp("runs") / "rich")


@pytest.fixture
def rich_copy(rich_run: synthdata.Run, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(rich_run.path, tmp_path / "copy"))
