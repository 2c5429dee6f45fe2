"""Runs to be exported, made once."""

from __future__ import annotations

import pytest
from export_cases import LETTERED, SMALL

from synthdata.api import config
from synthdata.run import Run


@pytest.fixture(scope="session")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Marks of all kinds that hide each other, with all that formats may need."""
    labels = "labels=[marks,boxes,segments,keypoints,instance_mask,image_level]"
    overrides = [*SMALL, "n=30", "primitives=mixed", "primitives.mixed.count=6", labels]
    return Run(tmp_path_factory.mktemp("rich") / "run", config(overrides)).execute()


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Marks and masks only: formats have to find boxes and run lengths themselves."""
    overrides = [*SMALL, "n=20", "primitives=[lines,circles]", "labels=[marks,instance_mask]"]
    return Run(tmp_path_factory.mktemp("masked") / "run", config(overrides)).execute()


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What a run has unless told: marks."""
    return Run(tmp_path_factory.mktemp("plain") / "run", config([*SMALL, "n=20"])).execute()


@pytest.fixture(scope="session")
def lettered(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One line of text an image, and the labels that any format may need."""
    overrides = [*SMALL, "n=20", *LETTERED]
    return Run(tmp_path_factory.mktemp("lettered") / "run", config(overrides)).execute()
