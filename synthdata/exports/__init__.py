"""A finished run in the formats that trainers and hubs read."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.exports.base import Format
    from synthdata.exports.formats import FORMATS, export, make_format
    from synthdata.exports.source import Item, Source, Survey

__all__ = ["FORMATS", "Format", "Item", "Source", "Survey", "export", "make_format"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "FORMATS": "formats",
        "Format": "base",
        "Item": "source",
        "Source": "source",
        "Survey": "source",
        "export": "formats",
        "make_format": "formats",
    },
)
