"""Where shards are made: the conf group ``engine``."""

from synthdata.engines.base import Done, Engine, Lost, Outcome
from synthdata.engines.loky import Loky
from synthdata.engines.serial import Serial

__all__ = ["Done", "Engine", "Loky", "Lost", "Outcome", "Serial"]
