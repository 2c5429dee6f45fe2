"""Bézier curves: their extremes and bends one by one, and points along many of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot, sqrt

import numpy as np

from synthdata.geometry.subpaths import Piece, SubPath


def extremes(values: list[float], piece: Piece) -> Sequence[float]:
    """The values at which one coordinate of a curve turns back between the curve's ends."""
    if len(piece) == 3:
        i, j, m = piece
        a, b, d = values[i], values[j], values[m]
        if a <= b <= d or a >= b >= d:
            return ()
        return (a - (a - b) * (a - b) / (a - 2.0 * b + d),)
    i, j, k, m = piece
    a, b, c, d = values[i], values[j], values[k], values[m]
    if a <= b <= c <= d or a >= b >= c >= d:
        return ()
    # A third of the derivative is u (1-t)^2 + 2 v t (1-t) + w t^2; the roots are taken in the form
    # that does not subtract what is nearly equal.
    u, v, w = b - a, c - b, d - c
    discriminant = v * v - u * w
    if discriminant < 0.0:
        return ()
    q = u - v + (sqrt(discriminant) if u >= v else -sqrt(discriminant))
    found = []
    for above, below in ((u, q), (q, u - 2.0 * v + w)):
        if below and 0.0 < (t := above / below) < 1.0:
            s = 1.0 - t
            found.append(s * s * (s * a + 3.0 * t * b) + t * t * (3.0 * s * c + t * d))
    return found


Control = tuple[float, float, float, float]  # one coordinate of a cubic's control points


def control(values: list[float], piece: Piece) -> Control:
    """One coordinate of a curve's control points, those of a quadratic one raised to a cubic's."""
    if len(piece) == 4:
        i, j, k, m = piece
        return values[i], values[j], values[k], values[m]
    i, j, m = piece
    a, b, d = values[i], values[j], values[m]
    return a, (a + 2.0 * b) / 3.0, (d + 2.0 * b) / 3.0, d


def split(values: Control, t: float) -> tuple[Control, Control]:
    """The parts of a cubic before and after t, one coordinate of each (de Casteljau)."""
    a, b, c, d = values
    ab, bc, cd = a + (b - a) * t, b + (c - b) * t, c + (d - c) * t
    abc, bcd = ab + (bc - ab) * t, bc + (cd - bc) * t
    middle = abc + (bcd - abc) * t
    return (a, ab, abc, middle), (middle, bcd, cd, d)


def bends_less(xs: Control, ys: Control, radius: float) -> bool:
    """Whether a cubic is sure to bend less than a circle: False is no proof that it bends more.

    The curvature is at most max|B''| / min|B'|^2, and for these the differences of the control
    points and their parts along the chord are bounds.
    """
    (a, b, c, d), (e, f, g, h) = xs, ys
    x, y = d - a, h - e
    ux, uy, vx, vy, wx, wy = b - a, f - e, c - b, g - f, d - c, h - g
    slowest = min(ux * x + uy * y, vx * x + vy * y, wx * x + wy * y)
    bend = max(hypot(vx - ux, vy - uy), hypot(wx - vx, wy - vy))
    return slowest > 0.0 and 2.0 * radius * bend * (x * x + y * y) < 3.0 * slowest * slowest


def cubics(vertices: np.ndarray, sub: SubPath) -> tuple[np.ndarray, np.ndarray]:
    """The pieces as cubic Béziers (m, 4, 2), and which of them (m,) are straight lines."""
    p: np.ndarray = vertices[sub.cubics]
    if (quadratic := sub.degrees == 2).any():
        p[quadratic, 1:3] = (p[quadratic, ::3] + 2.0 * p[quadratic, 1:3]) / 3.0
    return p, sub.degrees == 1


def steps(p: np.ndarray, straight: np.ndarray, tolerance: float) -> np.ndarray:
    """How many equal steps (m,) of its parameter keep a polyline within ``tolerance`` of a cubic.

    A chord over 1/n of the parameter is at most max|B''| / (8 n^2) away from its curve, and B''
    lies between 6 times the second differences of the control points (Wang's formula; Goldman,
    "Pyramid algorithms", 2003, section 5.6.3).
    """
    bend = p[:, :2] - 2.0 * p[:, 1:3] + p[:, 2:]
    most = np.hypot(bend[..., 0], bend[..., 1]).max(axis=1)
    count: np.ndarray = np.maximum(np.ceil(np.sqrt(0.75 / tolerance * most)), 1.0).astype(np.intp)
    count[straight] = 1
    return count


def positions(p: np.ndarray, piece: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points (n, 2) of the cubics ``p[piece]`` (p is (m, 4, 2), piece (n,)) at ``t`` (n, 1)."""
    along = 3.0 * (p[:, 1:] - p[:, :-1])
    bend = along[:, 1] - along[:, 0]
    third = p[:, 3] - p[:, 0] - along[:, 1]
    points: np.ndarray = third[piece]
    for coefficient in (bend, along[:, 0], p[:, 0]):
        points *= t
        points += coefficient[piece]
    return points


def velocities(p: np.ndarray, piece: np.ndarray, t: np.ndarray) -> np.ndarray:
    """A third of the derivative (n, 2) of the cubics ``p[piece]`` at ``t`` (n, 1)."""
    a, b, c = np.moveaxis(p[:, 1:] - p[:, :-1], 1, 0)
    found: np.ndarray = a[piece] + t * (2.0 * (b - a)[piece] + t * (a - 2.0 * b + c)[piece])
    return found
