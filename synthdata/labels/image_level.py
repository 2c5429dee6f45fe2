"""What is true of a picture as a whole: how many of what, its class, and the graph of its scene."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from synthdata.labels.base import Label, Truth
from synthdata.labels.ideal import meetings
from synthdata.labels.marks import DIGITS
from synthdata.labels.relations import beside, color_of, inside_pairs, shown, touching_pairs
from synthdata.labels.visibility import shared_pixels


@dataclass(frozen=True)
class ImageLevel(Label):
    """``counts`` by category, ``class`` and ``graph``, of the marks that can be seen.

    A mark counts unless it is off the canvas or other marks hide all its pixels. ``class`` is the
    category, if there is one only, else null. The graph has ``nodes``, with ``id``, ``category``,
    ``color`` and ``center`` (of the box), and ``edges``, with the ids ``subject`` and ``object``
    and a ``relation``: ``left_of``, ``above``, ``crosses``, ``touches``, ``over`` (in front of,
    sharing pixels), ``contains``.
    """

    columns: ClassVar[Mapping[str, type]] = {"class": str}
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "counts": (),
        "graph": ("nodes", "edges"),
    }

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        marks = truth.scene.marks
        visible = truth.once(seen)
        counts = Counter(marks[k - 1].category for k in visible)
        return {
            "counts": {category: counts[category] for category in sorted(counts)},
            "class": next(iter(counts)) if len(counts) == 1 else None,
            "graph": {"nodes": [_node(truth, k) for k in visible], "edges": _edges(truth)},
        }


def seen(truth: Truth) -> list[int]:
    """The ids of the marks that are on the canvas and not hidden as a whole."""
    pixels, seen_pixels = truth.pixel_counts(), truth.seen_counts()
    return [k for k in shown(truth) if not pixels[k - 1] or seen_pixels[k - 1]]


def _node(truth: Truth, number: int) -> dict[str, Any]:
    mark = truth.scene.marks[number - 1]
    x0, y0, x1, y1 = truth.boxes()[number - 1]
    color = color_of(mark)
    return {
        "id": number,
        "category": mark.category,
        "color": None if color is None else "#%02x%02x%02x" % color,
        "center": [round((x0 + x1) / 2.0, DIGITS), round((y0 + y1) / 2.0, DIGITS)],
    }


def _edges(truth: Truth) -> list[dict[str, Any]]:
    known = set(truth.once(seen))
    left, above = truth.once(beside)
    crossing = dict.fromkeys((m.a, m.b) for m in truth.once(meetings) if m.kind == "cross")
    over = [(b + 1, a + 1) for a, b in shared_pixels(truth)]
    pairs = {
        "left_of": left,
        "above": above,
        "crosses": list(crossing),
        "touches": touching_pairs(truth),
        "over": over,
        "contains": truth.once(inside_pairs),
    }
    return [
        {"subject": a, "relation": relation, "object": b}
        for relation, found in pairs.items()
        for a, b in found
        if a in known and b in known
    ]
