"""Recipes as runs: the same bytes in one process and in several, in shards of any size."""

from __future__ import annotations

from pathlib import Path

import pytest

from synthdata.api import config
from synthdata.run import Run

SMALL = {
    "sort_of_clevr": [],
    "pathfinder": [],
    "wireframe": ["canvas.size=[96,96]", "exports=[]"],
    "text_lines": ["exports=[]"],
    "graph_paper": ["canvas.size=[96,96]"],
    "charts": ["canvas.size=[200,200]"],
    "blindtest_circles": ["axes.values.side=[[64,64],[96,96]]"],
    "blindtest_subway": ["axes.values.side=[[64,64],[96,96]]"],
    "fractaldb": ["canvas.size=[64,64]", "primitives.fractal.points=500", "exports=[]"],
}


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SMALL)
def test_any_engine_and_shard_size_gives_the_same_bytes(recipe: str, tmp_path: Path) -> None:
    digests = set()
    for engine, size in (("serial", 5), ("loky", 3)):
        overrides = [f"recipe={recipe}", *SMALL[recipe], "n=8", f"shard_size={size}"]
        run = Run(tmp_path / engine, config([*overrides, f"engine={engine}"])).execute()
        assert run.state["status"] == "complete"
        digests.add(run.digest())
    assert len(digests) == 1
