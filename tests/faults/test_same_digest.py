"""One config, wherever it is made."""

from __future__ import annotations

import pytest
from object_store import Store
from optional import needs
from processes import Command, leftovers

from synthdata.run import Run

needs("distributed", "ray", "s3fs")

SMALL = [
    *("primitives=[lines,text]", "canvas.size=[32,24]", "n=40", "shard_size=5", "report=null"),
    *("labels=[marks,instance_mask,visibility]", "engine.workers=2"),
]
PLACES = {
    **{name: [f"engine={name}"] for name in ("loky", "queue", "dask", "ray")},
    "store": ["output.url=s3://data/digests/run"],
}


@pytest.mark.slow
def test_the_digest_is_the_same_everywhere(store: Store, command: Command) -> None:
    """On serial, loky, queue, dask, ray, in an object store, and by four processes on their own."""
    started = {
        name: command.start(*SMALL, *place, f"hydra.run.dir={name}")
        for name, place in PLACES.items()
    }
    for k in range(4):
        started[f"part {k}"] = command.start(*SMALL, f"shards={k}/4", "hydra.run.dir=parts")
    alone = command(*SMALL[:-1], "engine=serial", "hydra.run.dir=serial")
    assert alone.returncode == 0, alone.stderr
    for name, process in started.items():
        assert process.wait(timeout=240) == 0, (name, process.communicate())
    runs = {name: Run.load(command.folder / name) for name in ("serial", "parts", *PLACES)}
    digests = {name: run.state["digest"] for name, run in runs.items()}
    assert len({*digests.values()}) == 1, digests
    assert len(digests["serial"]) == 64
    assert [leftovers(run.path) for run in runs.values()] == [[]] * len(runs)
