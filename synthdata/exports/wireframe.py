"""Wireframes as the trainers of L-CNN and HAWP read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import dist
from pathlib import Path
from typing import Any

import orjson

from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.exports.base import Format, need, need_label
from synthdata.exports.source import Item, Source, Survey, file_name


@dataclass(frozen=True, kw_only=True)
class WireframeJson(Format):
    """``images/``, and ``<split>.json``, a list with a mapping for each picture.

    ``filename``, ``width``, ``height``; for training HAWP ``junctions``, ``edges_positive`` and
    ``edges_negative``, pairs of junctions that no line joins, the ``negatives`` nearest ones; for
    testing it ``junc`` and ``lines`` [x0, y0, x1, y1], which L-CNN's preparation reads too.
    Pictures are hard links; with ``link=false`` copies.
    """

    negatives: int = 2000
    link: bool = True

    def __post_init__(self) -> None:
        if self.negatives < 0:
            raise ConfigError(f"negatives: {self.negatives} must not be negative")

    def check(self, config: Config) -> None:
        need_label(config, "wireframe", "wireframe")

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        need(survey, "wireframe", "wireframe")
        (target / "images").mkdir(parents=True)
        for item in source:
            source.place(item, target / "images", self.link)
        for split in source.splits.names:
            with open(target / f"{split}.json", "wb") as file:
                start = b"[\n"
                for item in source:
                    if item.split == split:
                        file.write(start + orjson.dumps(self._annotation(item)))
                        start = b",\n"
                file.write(b"[]\n" if start == b"[\n" else b"\n]\n")

    def _annotation(self, item: Item) -> Mapping[str, Any]:
        record = item.record
        junctions, lines = record["wireframe"]["junctions"], record["wireframe"]["lines"]
        return {
            "filename": file_name(record),
            "width": record["width"],
            "height": record["height"],
            "junctions": junctions,
            "edges_positive": lines,
            "edges_negative": list(_apart(junctions, lines, self.negatives)),
            "junc": junctions,
            "lines": [[*junctions[i], *junctions[j]] for i, j in lines],
        }


def _apart(junctions: list[Any], lines: list[Any], most: int) -> Iterator[tuple[int, int]]:
    """Pairs of junctions that no line joins, the nearest first."""
    joined = {(i, j) for i, j in lines}
    pairs = [pair for pair in combinations(range(len(junctions)), 2) if pair not in joined]
    pairs.sort(key=lambda pair: dist(junctions[pair[0]], junctions[pair[1]]))
    yield from pairs[:most]
