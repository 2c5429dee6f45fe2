"""How shards are stored: the conf group ``writer``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.writers.base import ShardWriter, WriteError, Writer
    from synthdata.writers.folder import Folder

__all__ = ["Folder", "ShardWriter", "WriteError", "Writer"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Folder": "folder",
        "ShardWriter": "base",
        "WriteError": "base",
        "Writer": "base",
    },
)
