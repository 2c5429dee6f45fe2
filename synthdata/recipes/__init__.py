"""What single recipes need and nothing else does: the conf group ``recipe`` names these classes."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.recipes.blindtest.answers import BlindtestQuestions
    from synthdata.recipes.blindtest.lines import BlindtestLines, BlindtestSubway
    from synthdata.recipes.blindtest.shapes import (
        BlindtestCircles,
        BlindtestShapes,
        BlindtestSquares,
    )
    from synthdata.recipes.blindtest.words import BlindtestGrids, BlindtestLetter
    from synthdata.recipes.fractaldb.pictures import FractalDb, FractalDbClass
    from synthdata.recipes.graph_paper import GraphPaper, PenOnPaper
    from synthdata.recipes.pathfinder import PathfinderContours, PathfinderJoined
    from synthdata.recipes.sort_of_clevr import SortOfClevrObjects, SortOfClevrQuestions

__all__ = [
    "BlindtestCircles",
    "BlindtestGrids",
    "BlindtestLetter",
    "BlindtestLines",
    "BlindtestQuestions",
    "BlindtestShapes",
    "BlindtestSquares",
    "BlindtestSubway",
    "FractalDb",
    "FractalDbClass",
    "GraphPaper",
    "PathfinderContours",
    "PathfinderJoined",
    "PenOnPaper",
    "SortOfClevrObjects",
    "SortOfClevrQuestions",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "BlindtestCircles": "blindtest.shapes",
        "BlindtestGrids": "blindtest.words",
        "BlindtestLetter": "blindtest.words",
        "BlindtestLines": "blindtest.lines",
        "BlindtestQuestions": "blindtest.answers",
        "BlindtestShapes": "blindtest.shapes",
        "BlindtestSquares": "blindtest.shapes",
        "BlindtestSubway": "blindtest.lines",
        "FractalDb": "fractaldb.pictures",
        "FractalDbClass": "fractaldb.pictures",
        "GraphPaper": "graph_paper",
        "PathfinderContours": "pathfinder",
        "PathfinderJoined": "pathfinder",
        "PenOnPaper": "graph_paper",
        "SortOfClevrObjects": "sort_of_clevr",
        "SortOfClevrQuestions": "sort_of_clevr",
    },
)
