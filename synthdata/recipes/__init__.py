"""What single recipes need and nothing else does: the conf group ``recipe`` names these classes."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.recipes.pathfinder import PathfinderContours, PathfinderJoined
    from synthdata.recipes.sort_of_clevr import SortOfClevrObjects, SortOfClevrQuestions

__all__ = ["PathfinderContours", "PathfinderJoined", "SortOfClevrObjects", "SortOfClevrQuestions"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "PathfinderContours": "pathfinder",
        "PathfinderJoined": "pathfinder",
        "SortOfClevrObjects": "sort_of_clevr",
        "SortOfClevrQuestions": "sort_of_clevr",
    },
)
