"""How shards are stored: the conf group ``writer``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.writers.base import ShardWriter, WriteError, Writer
    from synthdata.writers.folder import Folder
    from synthdata.writers.remote import Remote

__all__ = ["Folder", "Remote", "ShardWriter", "WriteError", "Writer"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Folder": "folder",
        "Remote": "remote",
        "ShardWriter": "base",
        "WriteError": "base",
        "Writer": "base",
    },
)
