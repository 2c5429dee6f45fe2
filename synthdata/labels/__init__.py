"""What is true of a sample: the conf group ``labels``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.labels.base import Label, Truth
    from synthdata.labels.boxes import Boxes
    from synthdata.labels.captions import Captions
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

__all__ = [
    "AttractionMap",
    "Boxes",
    "Captions",
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
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "AttractionMap": "dense",
        "Boxes": "boxes",
        "Captions": "captions",
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
    },
)
