"""Where shards are made: the conf group ``engine``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.engines.base import Done, Engine, Lost, Outcome, Stopping
    from synthdata.engines.loky import Loky
    from synthdata.engines.serial import Serial

__all__ = ["Done", "Engine", "Loky", "Lost", "Outcome", "Serial", "Stopping"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Done": "base",
        "Engine": "base",
        "Loky": "loky",
        "Lost": "base",
        "Outcome": "base",
        "Serial": "serial",
        "Stopping": "base",
    },
)
