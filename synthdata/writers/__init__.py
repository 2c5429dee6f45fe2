"""How shards are stored: the conf group ``writer``."""

from synthdata.writers.base import ShardWriter, WriteError, Writer
from synthdata.writers.folder import Folder

__all__ = ["Folder", "ShardWriter", "WriteError", "Writer"]
