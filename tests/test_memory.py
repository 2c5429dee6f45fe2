"""Promise 6: memory does not grow with n, neither a run's nor that of batches for training."""

from __future__ import annotations

import pytest
from processes import Command

SCRIPT = """
import resource, sys
import synthdata
n, engine = int(sys.argv[1]), sys.argv[2]
overrides = ["canvas.size=[1,1]", "primitives.lines.count=0", f"n={n}", "shard_size=500", engine]
run = synthdata.generate(overrides, f"run{n}")
assert run.state["made"] == n
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def peak(command: Command, n: int, engine: str) -> int:
    """The most memory, in kB, that the process of a run of ``n`` samples ever had."""
    process = command.python("-c", SCRIPT, str(n), engine)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return int(out)


@pytest.mark.slow
def test_a_run_ten_times_as_long_takes_no_more_memory(command: Command) -> None:
    """A list of all records would be 4 MB, a list of all images more."""
    few = peak(command, 2_000, "engine.workers=2")
    many = peak(command, 20_000, "engine.workers=2")
    assert many - few < 2_500, f"{few} kB for 2,000 samples, {many} kB for 20,000"


BATCHES = """
import os, sys
from itertools import islice
import synthdata

config = ["canvas.size=[48,48]", "primitives.lines.count=2", "labels=[marks,instance_mask]"]
if sys.argv[1] == "stream":
    batches = ((len(b.images), b.records, b.masks) for b in synthdata.stream(config, 32, 2))
else:
    from torch.utils.data import DataLoader
    from synthdata.torch import Batches, Samples, Segmentation
    data = synthdata.Dataset.from_config(config, n=10**9)
    made = Batches(Samples(data, Segmentation("mask")), 32)
    batches = iter(DataLoader(made, None, num_workers=2))


def resident():
    # kB that this process has, and its workers
    children = open(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read().split()
    found = []
    for pid in ("self", *children):
        (line,) = [s for s in open(f"/proc/{pid}/status") if s.startswith("VmRSS")]
        found.append(int(line.split()[1]))
    return found


for count in (600, 900):  # batches; at first worker and queue find their room
    for _ in islice(batches, count):
        pass
    print(*resident())
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["stream", "loader"])
def test_batches_take_no_more_memory_as_they_go_on(command: Command, way: str) -> None:
    if way == "loader":
        pytest.importorskip("torch")
    process = command.python("-c", BATCHES, way)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    few, many = ([int(kb) for kb in line.split()] for line in out.splitlines())
    assert len(few) >= 3
    grown = [b - a for a, b in zip(few, many, strict=True)]
    assert max(grown) < 2_500, f"kB of each process: {few} after 600 batches, {many} after 1500"
