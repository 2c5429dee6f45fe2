"""Pathfinder: two dots that are joined by a dashed contour, or are not.

Linsley et al., "Learning long-range spatial dependencies with horizontal gated recurrent units"
(2018); sizes and the law of turns are those of github.com/drewlinsley/pathfinder. There is one
difference: both dots that may be the second one are equally far from the first.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from synthdata import geometry
from synthdata.distributions import Bernoulli, Distribution
from synthdata.errors import ConfigError, LayoutError
from synthdata.labels.base import Label, Truth
from synthdata.primitives.base import Draw, Primitive
from synthdata.scene import LINETO, MOVETO, Mark, Style

_LONG, _SHORT, _ROUNDS = 32, 48, 64  # contours tried at once, and how often


class Contours(NamedTuple):
    """Some chains of ``n`` dashes.

    Attributes
    ----------
    dashes
        float64 (m, n, 2, 2): the two ends of each dash, along the chain.
    points
        float64 (m, n + 2, 2): what other contours keep away from: the middles of the dashes, and
        the chain's own two ends.
    """

    dashes: np.ndarray
    points: np.ndarray

    def moved(self, shift: np.ndarray) -> Contours:
        """The chains moved by ``shift`` (m, 2)."""
        return Contours(self.dashes + shift[:, None, None], self.points + shift[:, None])


@dataclass(frozen=True, kw_only=True)
class PathfinderContours(Primitive):
    """Two long contours of ``length`` dashes, distractors of a third of it, and two dots.

    The first dot is at the start of the first contour, the second at its end if ``joined``, and
    else at the end of the other contour, which is just as far away: so the distance between the
    dots tells nothing. There are as many distractors as 30 dashes make.

    A dash of ``dash`` px is in the middle of each link of a chain, with ``gap`` px to the next.
    The chain turns at each link by an angle a of density cos²(``continuity`` × a), within the first
    zeros. Middles of dashes that are not neighbours in a chain are ``dash`` + ``gap`` apart at
    least, and all keep ``padding`` px off the canvas's edge. Dots have ``radius`` px.
    """

    composed: ClassVar[bool] = True

    length: int = 6
    joined: Distribution = Bernoulli(0.5)
    dash: float = 5.0
    gap: float = 6.0
    width: float = 2.0
    radius: float = 5.0
    continuity: float = 1.8
    padding: float = 22.0

    def __post_init__(self) -> None:
        if self.length < 3:
            raise ConfigError(f"length: {self.length} must be at least 3, for a third is drawn too")
        for name in ("dash", "width", "radius", "continuity"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{name}: {getattr(self, name)} must be above 0")
        if self.gap < 0 or self.padding < 0:
            raise ConfigError("gap, padding: must not be negative")

    def check(self, width: int, height: int) -> None:
        if not 2 * self.padding < min(width, height):
            raise ConfigError(
                f"padding: {self.padding:g} px leave nothing of a canvas of {width} x {height} px; "
                f"it has to be below {min(width, height) / 2:g}"
            )

    def marks(self, draw: Draw) -> list[Mark]:
        rng = draw.geometry
        joined = self._is_joined(rng)
        canvas = np.array((draw.width, draw.height), dtype=np.float64)
        long = self._long(rng, canvas)
        short = self.length // 3
        some = self._distractors(rng, canvas, short, 30 // short, long.points.reshape(-1, 2))
        contours = [*self._painted(long, "contour"), *self._painted(some, "distractor")]
        tips = long.points[:, -2:]
        other = 0 if joined else 1
        return [*contours, self._dot(tips[0, 0], 1), self._dot(tips[other, 1], other + 1)]

    def _is_joined(self, rng: np.random.Generator) -> bool:
        level = rng.random()  # also for a constant: so that what follows stays the same
        values = self.joined.quantiles([level])
        return bool(self.joined.sample(rng, 1)[0] if values is None else values[0])

    def _chains(self, rng: np.random.Generator, m: int, n: int) -> Contours:
        """``m`` chains of ``n`` dashes that start at the origin, in any direction."""
        levels = rng.random((m, n))
        turns = np.interp(levels, *_quantiles()) / self.continuity
        turns[:, 0] = levels[:, 0] * (2 * math.pi)
        headings = turns.cumsum(axis=1)
        steps = np.stack((np.cos(headings), np.sin(headings)), axis=-1)
        link = self.dash + self.gap
        middles = link * (steps.cumsum(axis=1) - 0.5 * steps)
        half = 0.5 * self.dash * steps
        dashes, points = np.empty((m, n, 2, 2)), np.empty((m, n + 2, 2))
        np.subtract(middles, half, out=dashes[:, :, 0])
        np.add(middles, half, out=dashes[:, :, 1])
        points[:, :n], points[:, n], points[:, n + 1] = middles, dashes[:, 0, 0], dashes[:, -1, 1]
        return Contours(dashes, points)

    def _sound(self, chains: Contours, canvas: np.ndarray) -> np.ndarray:
        """Which chains lie within the padding and nowhere come near themselves: bool (m,)."""
        low, high = self.padding, canvas - self.padding
        within = (chains.points >= low) & (chains.points <= high)
        inside: np.ndarray = np.all(within, axis=(1, 2))
        a, b = _apart(chains.dashes.shape[1])
        if len(a):
            gaps = _squared(chains.points[:, a], chains.points[:, b])
            inside &= (gaps >= (self.dash + self.gap) ** 2).all(axis=1)
        return inside

    def _clear(self, points: np.ndarray, taken: np.ndarray) -> np.ndarray:
        """Which of the sets ``points`` (m, k, 2) are apart from all ``taken`` (j, 2): bool (m,)."""
        gaps = _squared(points[..., None, :], taken)
        clear: np.ndarray = np.all(gaps >= (self.dash + self.gap) ** 2, axis=(1, 2))
        return clear

    def _long(self, rng: np.random.Generator, canvas: np.ndarray) -> Contours:
        """The two long contours; the end of the second is as far from the start of the first."""
        for _ in range(_ROUNDS):
            chains = self._chains(rng, 2 * _LONG, self.length)
            at, turns = rng.random((_LONG, 2)) * canvas, rng.random(_LONG) * (2 * math.pi)
            first = Contours(*(part[:_LONG] for part in chains)).moved(at)
            tips = first.points[:, -2:]
            distances = np.hypot(*(tips[:, 1] - tips[:, 0]).T)
            good = self._sound(first, canvas) & (distances >= 4 * self.radius)
            if not good.any():
                continue
            one = int(good.argmax())
            second = Contours(*(part[_LONG:] for part in chains))
            ends = tips[one, 0] + distances[one] * np.stack((np.cos(turns), np.sin(turns)), axis=-1)
            second = second.moved(ends - second.points[:, -1])
            good = self._sound(second, canvas) & self._clear(second.points, first.points[one])
            if good.any():
                two = int(good.argmax())
                pairs = zip(first, second, strict=True)
                return Contours(*(np.stack((a[one], b[two])) for a, b in pairs))
        raise LayoutError(
            f"primitives: two contours of {self.length} dashes found no room in {_ROUNDS} rounds; "
            "make the canvas larger, or the contours shorter"
        )

    def _distractors(
        self, rng: np.random.Generator, canvas: np.ndarray, n: int, count: int, taken: np.ndarray
    ) -> Contours:
        """``count`` chains of ``n`` dashes, apart from each other and from the points ``taken``."""
        kept: list[Contours] = []
        wanted = count
        for _ in range(_ROUNDS):
            chains = self._chains(rng, _SHORT, n).moved(rng.random((_SHORT, 2)) * canvas)
            good = np.flatnonzero(self._sound(chains, canvas) & self._clear(chains.points, taken))
            chains = Contours(*(part[good] for part in chains))
            near = _near(chains.points, self.dash + self.gap)
            found: list[int] = []
            blocked = np.zeros(len(good), dtype=bool)
            while len(found) < wanted and not blocked.all():
                found.append(int(blocked.argmin()))  # the first one that is free
                blocked |= near[found[-1]]
            kept.append(Contours(*(part[found] for part in chains)))
            wanted -= len(found)
            if not wanted:
                return Contours(*(np.concatenate(parts) for parts in zip(*kept, strict=True)))
            taken = np.concatenate((taken, kept[-1].points.reshape(-1, 2)))
        raise LayoutError(
            f"primitives: {count - wanted} of {count} distractors found room in "
            f"{_ROUNDS} rounds; make the canvas larger, or the contours shorter"
        )

    def _painted(self, chains: Contours, category: str) -> list[Mark]:
        m, n = chains.dashes.shape[:2]
        style = Style(stroke=(255, 255, 255), width=self.width, cap="butt")
        codes = np.tile(np.array((MOVETO, LINETO), dtype=np.uint8), n)
        along = chains.dashes[:, :, 1] - chains.dashes[:, :, 0]
        across = along[..., ::-1] * (-1.0, 1.0) * (self.width / (2 * self.dash))
        corners = np.concatenate(
            [(chains.dashes + s * across[:, :, None]).reshape(m, -1, 2) for s in (-1, 1)], axis=1
        )
        bounds = np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1).tolist()
        tips = chains.points[:, -2:].tolist()
        return [
            Mark(
                category,
                dashes.reshape(-1, 2),
                codes,
                style,
                {"x": start[0], "y": start[1], "dashes": n, "width": self.width},
                (("start", *start), ("end", *end)),
                tuple(box),
            )
            for dashes, (start, end), box in zip(chains.dashes, tips, bounds, strict=True)
        ]

    def _dot(self, center: np.ndarray, contour: int) -> Mark:
        x, y = center.tolist()
        r = self.radius
        vertices, codes = geometry.ellipse(r, r)
        style = Style(stroke=None, fill=(255, 255, 255), width=0.0)
        params = {"x": x, "y": y, "radius": r, "contour": contour}
        bounds = (x - r, y - r, x + r, y + r)
        return Mark("dot", vertices + (x, y), codes, style, params, (("center", x, y),), bounds)


def _near(points: np.ndarray, distance: float) -> np.ndarray:
    """Which of the sets ``points`` (m, k, 2) come nearer to each other: bool (m, m)."""
    m, k = points.shape[:2]
    flat = points.swapaxes(0, 1).reshape(-1, 2)
    gaps = _squared(flat[:, None], flat) < distance**2
    near: np.ndarray = np.any(np.any(gaps.reshape(k, m, k, m), axis=2), axis=0)
    return near


def _squared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The squared distances of points (..., 2)."""
    x: np.ndarray = a[..., 0] - b[..., 0]
    y: np.ndarray = a[..., 1] - b[..., 1]
    x *= x
    y *= y
    x += y
    return x


@functools.cache
def _apart(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of dashes of a chain that are no neighbours."""
    return np.triu_indices(n, 2)


@functools.cache
def _quantiles() -> tuple[np.ndarray, np.ndarray]:
    """Levels and the angles that they stand for, of the density cos² between -π/2 and π/2."""
    angles = np.linspace(-math.pi / 2, math.pi / 2, 513)
    return 0.5 + angles / math.pi + np.sin(2 * angles) / (2 * math.pi), angles


@dataclass(frozen=True)
class PathfinderJoined(Label):
    """``joined``: whether both dots are at ends of the same contour."""

    columns: ClassVar[Mapping[str, type]] = {"joined": bool}
    keys: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def fields(self, truth: Truth) -> Mapping[str, Any]:
        found = [m.params["contour"] for m in truth.scene.marks if m.category == "dot"]
        if len(found) != 2:
            raise ConfigError("labels: joined needs the two dots of recipe=pathfinder")
        return {"joined": found[0] == found[1]}
