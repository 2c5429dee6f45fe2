"""Promise 6: the parent's memory does not grow with n."""

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
