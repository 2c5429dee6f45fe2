"""Masks: label images that hold, for each pixel, what it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthdata.labels.base import Label, Truth, small_ids
from synthdata.labels.categories import CATEGORIES, category_id


@dataclass(frozen=True)
class InstanceMask(Label):
    """``<index>.mask.png``: each pixel holds the id of the front-most mark that covers it, or 0.

    Grey, 8 bits where the ids fit, else 16.
    """

    names: ClassVar[tuple[str, ...]] = ("mask",)
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {}

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        kind = np.uint8 if len(truth.scene.marks) < 256 else np.uint16
        return {"mask": truth.once(small_ids).astype(kind, copy=False)}


@dataclass(frozen=True, kw_only=True)
class SemanticMask(Label):
    """``<index>.semantic.png``: each pixel holds the category of the front-most mark, or 0.

    It is the place of the category among ``categories``, from 1 on. Grey, 8 bits where there are
    fewer than 256, else 16.
    """

    names: ClassVar[tuple[str, ...]] = ("semantic",)
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    categories: tuple[str, ...] = CATEGORIES

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        return {}

    def images(self, truth: Truth) -> Mapping[str, np.ndarray]:
        numbers = [
            category_id(mark.category, self.categories, "labels.semantic_mask.categories")
            for mark in truth.scene.marks
        ]
        kind = np.uint8 if len(self.categories) < 256 else np.uint16
        return {"semantic": np.array([0, *numbers], dtype=kind)[truth.ids()]}
