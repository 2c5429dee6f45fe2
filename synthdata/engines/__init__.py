"""Where shards are made: the conf group ``engine``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.engines.base import Done, Engine, Lost, Outcome, Stopping, Suspect
    from synthdata.engines.dask import Dask
    from synthdata.engines.loky import Loky
    from synthdata.engines.queue import Queue
    from synthdata.engines.ray import Ray
    from synthdata.engines.serial import Serial

__all__ = [
    "Dask",
    "Done",
    "Engine",
    "Loky",
    "Lost",
    "Outcome",
    "Queue",
    "Ray",
    "Serial",
    "Stopping",
    "Suspect",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Dask": "dask",
        "Done": "base",
        "Engine": "base",
        "Loky": "loky",
        "Lost": "base",
        "Outcome": "base",
        "Queue": "queue",
        "Ray": "ray",
        "Serial": "serial",
        "Stopping": "base",
        "Suspect": "base",
    },
)
