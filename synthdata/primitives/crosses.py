"""Crosses, asterisks and other stars of strokes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata.distributions import Choice, Constant, Distribution, Uniform
from synthdata.primitives.base import Draw, Outline, Shape, fraction
from synthdata.scene import LINETO, MOVETO


@dataclass(frozen=True, kw_only=True)
class Crosses(Shape):
    """Straight arms from a common centre, which is the anchor, at equal angles.

    Four arms are a plus at an ``angle`` of 0 and an x at 45. Each is half of ``size`` long. Key
    points: ``center`` and the ends of the arms, ``arm_0`` along ``angle`` and on clockwise.
    """

    category: ClassVar[str] = "cross"
    PARAMS: ClassVar[tuple[str, ...]] = ()
    WHOLE: ClassVar[Mapping[str, int]] = {"arms": 3}

    count: Distribution = Constant(6)
    x: Distribution = fraction(Uniform(0.1, 0.9), of="width")
    y: Distribution = fraction(Uniform(0.1, 0.9), of="height")
    angle: Distribution = Choice((0.0, 45.0))
    arms: Distribution = Constant(4)
    size: Distribution = fraction(Uniform(0.08, 0.25))

    def outline(self, params: Mapping[str, Any], draw: Draw) -> Outline:
        arms, reach = int(params["arms"]), params["size"] / 2
        turns = [2 * math.pi * k / arms for k in range(arms)]
        ends = [(reach * math.cos(a), reach * math.sin(a)) for a in turns]
        if arms % 2 == 0:  # opposite arms are one line, which has no seam at the centre
            half = arms // 2
            pairs = list(zip(ends[:half], ends[half:], strict=True))
        else:
            pairs = [((0.0, 0.0), end) for end in ends]
        codes = np.array((MOVETO, LINETO) * len(pairs), dtype=np.uint8)
        keypoints = tuple((f"arm_{k}", x, y) for k, (x, y) in enumerate(ends))
        return Outline(np.array(pairs).reshape(-1, 2), codes, (("center", 0.0, 0.0), *keypoints))
