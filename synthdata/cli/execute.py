"""From a composed config to a run that is made."""

from __future__ import annotations

from typing import Any

from synthdata.cli.console import Console, resumable
from synthdata.cli.here import find_modules_here
from synthdata.compose import listed, plain
from synthdata.config import Config
from synthdata.outputs import check_outputs, finish_outputs
from synthdata.run import Run
from synthdata.run.run import NO_NOTES, Notes
from synthdata.vocabularies import settled


def config_of(cfg: Any) -> Config:
    """The checked config of a composed one."""
    node = settled(plain(cfg))
    if node.get("plugins"):
        find_modules_here()
    plugins = listed(node)
    config = Config.from_mapping(node, plugins)
    check_outputs(config)
    return config


def execute(run: Run, notes: Notes = NO_NOTES, label: str = "") -> None:
    """Make what is missing of a run, and all that belongs to it; ``label`` is for its progress."""
    with Console(run, label) as console, resumable(run):
        run.execute(console, notes)
        finish_outputs(run)
