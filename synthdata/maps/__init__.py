"""Functions over the groups of a run, and the command that calls them: ``synthdata map``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.maps.functions import contact_sheet, gif, mosaic, mp4, statistics
    from synthdata.maps.group import Group
    from synthdata.maps.mapping import map_run

__all__ = ["Group", "contact_sheet", "gif", "map_run", "mosaic", "mp4", "statistics"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Group": "group",
        "contact_sheet": "functions",
        "gif": "functions",
        "map_run": "mapping",
        "mosaic": "functions",
        "mp4": "functions",
        "statistics": "functions",
    },
)
