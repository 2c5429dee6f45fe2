"""How shards are stored: the conf group ``writer``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.writers.base import ShardWriter, WriteError, Writer
    from synthdata.writers.folder import Folder
    from synthdata.writers.parquet import Parquet
    from synthdata.writers.remote import Remote
    from synthdata.writers.webdataset import WebDataset

__all__ = ["Folder", "Parquet", "Remote", "ShardWriter", "WebDataset", "WriteError", "Writer"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Folder": "folder",
        "Parquet": "parquet",
        "Remote": "remote",
        "ShardWriter": "base",
        "WebDataset": "webdataset",
        "WriteError": "base",
        "Writer": "base",
    },
)
