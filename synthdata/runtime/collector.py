"""Python's cycle collector: modules, configs and samples are hundreds of objects and no garbage."""

from __future__ import annotations

import functools
import gc


def collect_less() -> None:
    """Let it come by less often."""
    gc.set_threshold(20_000, 10, 10)


@functools.cache
def collect_rarely() -> None:
    """Let it pass over what is there now, too."""
    gc.collect()
    gc.freeze()
    collect_less()
