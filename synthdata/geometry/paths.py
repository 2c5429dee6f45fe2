"""Making paths around the origin, and putting them where they belong.

A path is ``(vertices, codes)``: float64 array (k, 2), and uint8 array (k,) or None for one open
polyline, both read as ``matplotlib.path.Path`` reads them; the vertex of a ``CLOSEPOLY`` counts for
nothing. Pixels, y down; angles are in degrees and turn clockwise on the screen. The code arrays are
shared between calls and read-only.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from synthdata.errors import ConfigError
from synthdata.scene import CLOSEPOLY, CURVE4, LINETO, MOVETO, KeyPoint

Path = tuple[np.ndarray, np.ndarray | None]
CodedPath = tuple[np.ndarray, np.ndarray]

#: The longest piece of an arc that becomes one cubic, in degrees: 4e-6 of the radius off at most.
_PIECE = 45.0
#: Lengths up to this are rounding, in pixels: of a line that short the direction is arbitrary.
_NOTHING = 1e-9
_FEW = 4  # paths that are placed faster one by one
_QUARTERS = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))


def turn(angle: float) -> tuple[float, float]:
    """Cosine and sine of an angle in degrees, exact for multiples of 90."""
    quarters = angle / 90.0
    if quarters == (whole := round(quarters)):
        return _QUARTERS[whole % 4]
    radians = math.radians(angle)
    return math.cos(radians), math.sin(radians)


def place(vertices: np.ndarray, angle: float, at: tuple[float, float]) -> np.ndarray:
    """``vertices`` (k, 2) rotated by ``angle`` about the origin, then moved by ``at``: a new array.

    Equal vertices stay equal to the last bit: a matrix product does not promise that, and where
    the end of a closed outline misses its start by 1e-13 the stroke gets a spur.
    """
    if angle == 0:
        return vertices + at
    cos, sin = turn(angle)
    placed = vertices * cos
    placed += vertices[:, ::-1] * (-sin, sin)
    placed += at
    return placed


def place_all(
    paths: Sequence[np.ndarray], angles: Sequence[float], at: Sequence[tuple[float, float]]
) -> list[np.ndarray]:
    """``place`` of several, to the last bit the same, in one go."""
    if len(paths) < _FEW:
        return list(map(place, paths, angles, at))
    poses = [(*turn(angle), *spot) for angle, spot in zip(angles, at, strict=True)]
    counts = [len(path) for path in paths]
    cos, sin, x, y = np.repeat(np.array(poses).T, counts, axis=1)
    every = np.concatenate(paths)
    placed = every * cos[:, None]
    placed += every[:, ::-1] * np.stack((-sin, sin), axis=1)
    placed += np.stack((x, y), axis=1)
    ends = itertools.accumulate(counts, initial=0)
    return [placed[start:stop] for start, stop in itertools.pairwise(ends)]


def place_keypoints(
    keypoints: Sequence[KeyPoint], angle: float, at: tuple[float, float]
) -> tuple[KeyPoint, ...]:
    """Key points moved as ``place`` moves vertices, to the same digits, as Python floats."""
    x0, y0 = at
    if angle == 0:
        return tuple((name, float(x + x0), float(y + y0)) for name, x, y in keypoints)
    cos, sin = turn(angle)
    return tuple(
        (name, float(x * cos - y * sin + x0), float(y * cos + x * sin + y0))
        for name, x, y in keypoints
    )


def polyline(points: Iterable[Sequence[float]] | np.ndarray, closed: bool = False) -> Path:
    """Straight lines through ``points`` (n, 2); the first point follows the last if ``closed``."""
    vertices = np.asarray(points, dtype=np.float64)
    if not closed:
        return vertices, None
    return np.concatenate((vertices, vertices[:1])), _polygon_codes(len(vertices))


def arc(rx: float, ry: float, start: float, sweep: float) -> CodedPath:
    """An open elliptic arc around the origin, as cubics of at most 45 degrees.

    The parameter angle runs clockwise from ``start`` over ``sweep`` degrees, which may be negative;
    for a circle it is the angle itself. After whole turns the end is the start, to the last bit.
    The handles are 4/3 tan(theta / 4) long (Goldapp, "Approximation of circular arcs by cubic
    polynomials", CAGD 8, 1991).
    """
    pieces = max(1, math.ceil(abs(sweep) / _PIECE - 1e-9))
    step = sweep / pieces
    angles = [start + step * i for i in range(pieces)]
    angles.append(start if sweep % 360.0 == 0.0 else start + sweep)
    points = np.array([turn(a) for a in angles])
    handles = points[:, ::-1] * (-1.0, 1.0) * (4.0 / 3.0 * math.tan(math.radians(step) / 4.0))
    vertices = np.empty((3 * pieces + 1, 2))
    vertices[::3] = points
    vertices[1::3] = points[:-1] + handles[:-1]
    vertices[2::3] = points[1:] - handles[1:]
    vertices *= (rx, ry)
    return vertices, _cubic_codes(pieces, False)


def ellipse(rx: float, ry: float) -> CodedPath:
    """A closed ellipse around the origin: 8 cubics, clockwise from (rx, 0)."""
    return _unit_circle() * (rx, ry), _cubic_codes(8, True)


def rounded_rectangle(width: float, height: float, radius: float) -> CodedPath:
    """A closed rectangle around the origin with corners of ``radius``.

    The outline runs clockwise from the left end of the top edge. The radius is limited to half the
    shorter side; where an edge has no straight part left, none is in the path.
    """
    half_x, half_y = width / 2.0, height / 2.0
    radius = min(radius, half_x, half_y)
    if radius <= _NOTHING:
        x, y = half_x, half_y
        corners = np.array(((-x, -y), (x, -y), (x, y), (-x, y), (-x, -y)))
        return corners, _polygon_codes(4)
    wide, high = half_x - radius > _NOTHING, half_y - radius > _NOTHING
    centres, rims, codes = _rounded(wide, high)
    straight = (half_x - radius if wide else 0.0, half_y - radius if high else 0.0)
    return centres * straight + rims * radius, codes


def spline(points: Iterable[Sequence[float]] | np.ndarray, closed: bool = False) -> CodedPath:
    """A smooth curve through ``points`` (n, 2), one cubic from each to the next.

    Centripetal Catmull-Rom: no loops or cusps between two points (Yuksel, Schaefer and Keyser,
    "Parameterization and applications of Catmull-Rom curves", CAD 43, 2011). An open curve starts
    and ends as if the next point were mirrored. Points that repeat their predecessor are dropped.

    Raises
    ------
    ConfigError
        If fewer than two different points are left.
    """
    knots = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    moved = np.abs(knots[1:] - knots[:-1]).max(axis=1, initial=0.0) > _NOTHING
    if not moved.all():
        knots = np.concatenate((knots[:1], knots[1:][moved]))
    if closed and len(knots) > 1 and np.abs(knots[0] - knots[-1]).max() <= _NOTHING:
        knots = knots[:-1]
    if len(knots) < 2:
        raise ConfigError(f"points: {len(knots)} different points; a spline needs at least 2")
    if closed:
        before, after = knots[-1:], knots[:2]
    else:
        before, after = 2.0 * knots[:1] - knots[1:2], 2.0 * knots[-1:] - knots[-2:-1]
    p = np.concatenate((before, knots, after))
    chord = p[1:] - p[:-1]
    gap = np.sqrt(np.hypot(chord[:, :1], chord[:, 1:]))  # of the curve's parameter
    left, right = gap[:-1], gap[1:]
    speed = chord / gap
    velocity = (speed[:-1] * right + speed[1:] * left) / (left + right)
    third = gap[1:-1] / 3.0
    pieces = len(p) - 3
    vertices = np.empty((3 * pieces + 1 + closed, 2))
    vertices[: 3 * pieces + 1 : 3] = p[1:-1]
    vertices[1 : 3 * pieces : 3] = p[1:-2] + velocity[:-1] * third
    vertices[2 : 3 * pieces : 3] = p[2:-1] - velocity[1:] * third
    if closed:
        vertices[-1] = vertices[0]
    return vertices, _cubic_codes(pieces, closed)


def _codes(values: Iterable[int]) -> np.ndarray:
    codes = np.array(list(values), dtype=np.uint8)
    codes.flags.writeable = False
    return codes


@functools.lru_cache(maxsize=256)
def _polygon_codes(corners: int) -> np.ndarray:
    return _codes((MOVETO, *[LINETO] * (corners - 1), CLOSEPOLY))


@functools.lru_cache(maxsize=256)
def _cubic_codes(pieces: int, closed: bool) -> np.ndarray:
    return _codes((MOVETO, *[CURVE4] * (3 * pieces), *[CLOSEPOLY] * closed))


@functools.cache
def _unit_circle() -> np.ndarray:
    vertices, _ = arc(1.0, 1.0, 0.0, 360.0)
    return np.concatenate((vertices, vertices[:1]))


@functools.cache
def _rounded(wide: bool, high: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rounded rectangle as (corner centres, points around them, codes), for unit sizes."""
    centres: list[tuple[float, float]] = [(-1.0, -1.0)]
    rims: list[tuple[float, float]] = [(0.0, -1.0)]
    codes = [MOVETO]
    for i, centre in enumerate(((1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0))):
        corner = arc(1.0, 1.0, 90.0 * i - 90.0, 90.0)[0].tolist()
        if high if i % 2 else wide:
            centres.append(centre)
            rims.append(corner[0])
            codes.append(LINETO)
        centres += [centre] * 6
        rims += corner[1:]
        codes += [CURVE4] * 6
    return (
        np.array([*centres, centres[0]]),
        np.array([*rims, rims[0]]),
        _codes([*codes, CLOSEPOLY]),
    )
