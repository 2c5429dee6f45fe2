"""What is true of a sample: the conf group ``labels``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.labels.base import Label, Truth
    from synthdata.labels.boxes import Boxes
    from synthdata.labels.captions import Captions
    from synthdata.labels.chart_questions import ChartQuestions
    from synthdata.labels.clean import Clean
    from synthdata.labels.dense import AttractionMap, DistanceMap, EdgeMap, JunctionMap
    from synthdata.labels.flow import Flow
    from synthdata.labels.image_level import ImageLevel
    from synthdata.labels.keypoints import Keypoints
    from synthdata.labels.marks import Marks
    from synthdata.labels.masks import InstanceMask, SemanticMask
    from synthdata.labels.questions import Questions
    from synthdata.labels.relations import Relations
    from synthdata.labels.segments import Segments
    from synthdata.labels.texts import Texts
    from synthdata.labels.visibility import Visibility
    from synthdata.labels.wireframe import Wireframe

__all__ = [
    "AttractionMap",
    "Boxes",
    "Captions",
    "ChartQuestions",
    "Clean",
    "DistanceMap",
    "EdgeMap",
    "Flow",
    "ImageLevel",
    "InstanceMask",
    "JunctionMap",
    "Keypoints",
    "Label",
    "Marks",
    "Questions",
    "Relations",
    "Segments",
    "SemanticMask",
    "Texts",
    "Truth",
    "Visibility",
    "Wireframe",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "AttractionMap": "dense",
        "Boxes": "boxes",
        "Captions": "captions",
        "ChartQuestions": "chart_questions",
        "Clean": "clean",
        "DistanceMap": "dense",
        "EdgeMap": "dense",
        "Flow": "flow",
        "ImageLevel": "image_level",
        "InstanceMask": "masks",
        "JunctionMap": "dense",
        "Keypoints": "keypoints",
        "Label": "base",
        "Marks": "marks",
        "Questions": "questions",
        "Relations": "relations",
        "Segments": "segments",
        "SemanticMask": "masks",
        "Texts": "texts",
        "Truth": "base",
        "Visibility": "visibility",
        "Wireframe": "wireframe",
    },
)
