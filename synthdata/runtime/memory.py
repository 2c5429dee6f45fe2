"""How a worker's memory is collected and handed back: late."""

from __future__ import annotations

import ctypes
import functools
import gc

# glibc's <malloc.h>
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEEP = 128 * 2**20


@functools.cache
def collect_rarely() -> None:
    """Let Python's cycle collector pass over what is there now, and come by less often.

    A sample makes hundreds of small objects and no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@functools.cache
def keep_freed_memory() -> bool:
    """Make this process keep up to 128 MiB of freed memory; whether the C library could be told.

    A picture of 512 by 512 is just large enough for glibc to give its memory back to the system
    after every sample and to fault it in again, page by page, for the next one, which takes longer
    than drawing it. Only for processes that are ours.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    # M_MMAP_THRESHOLD has a maximum of 32 MiB.
    return bool(mallopt(_M_MMAP_THRESHOLD, _KEEP // 4) and mallopt(_M_TRIM_THRESHOLD, _KEEP))
