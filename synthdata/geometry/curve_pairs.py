"""Two curves at a time, many pairs at once: where they meet, and where they are parallel.

Curves are given by the coefficients of the powers of their parameter, complex (4, n), and pairs of
them by (4, 2, n), with parameters (2, n).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Pixels: points that are no further apart are one, and records are rounded to as much.
TOGETHER = 1e-3
_ROUNDS = 10
_BEYOND = 0.25  # of a chord
_SOME = np.linspace(0.0, 1.0, 17)[:, None]  # parameters
_DONE = 1e-9  # of the parameter


def wedge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cross products (n,) of vectors."""
    product: np.ndarray = (a.conj() * b).imag
    return product


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The scalar products (n,) of vectors."""
    product: np.ndarray = (a.conj() * b).real
    return product


def sine_of(r: np.ndarray, s: np.ndarray) -> np.ndarray:
    """The sines (n,) of the angles from one vector to another."""
    found: np.ndarray = wedge(r, s) / np.maximum(np.abs(r) * np.abs(s), 1e-30)
    return found


def coefficients(p: np.ndarray) -> np.ndarray:
    """Of the powers of the parameter, from 0 to 3: (4, n) of cubics (n, 4)."""
    a, b, c, d = p.T
    found = np.empty((4, len(p)), dtype=np.complex128)
    found[0] = a
    np.multiply(3.0, b - a, out=found[1])
    np.multiply(3.0, c - 2.0 * b + a, out=found[2])
    np.subtract(d - 3.0 * (c - b), a, out=found[3])
    return found


def along(c: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points (n,) at parameters (n,)."""
    point: np.ndarray = c[3] * t
    point += c[2]
    point *= t
    point += c[1]
    point *= t
    point += c[0]
    return point


def speed(c: np.ndarray, t: np.ndarray) -> np.ndarray:
    """First derivatives (n,) at parameters (n,)."""
    found: np.ndarray = 3.0 * c[3] * t
    found += 2.0 * c[2]
    found *= t
    found += c[1]
    return found


def bend(c: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Second derivatives (n,) at parameters (n,)."""
    found: np.ndarray = 2.0 * (3.0 * c[3] * t + c[2])
    return found


def may_be_parallel(pair: np.ndarray, t: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Which curves may be parallel somewhere from ``t`` to ``t + step`` (2, n), or a little beyond.

    They are not where all control points of the one's derivative are on the same side of all of the
    other's.
    """
    start, stop = t - _BEYOND * step, t + (1.0 + _BEYOND) * step
    both = np.array((2.0 * start, start + stop, 2.0 * stop))
    product = np.array((start * start, start * stop, stop * stop))
    ahead = 3.0 * pair[3] * product + pair[2] * both + pair[1]  # by polar forms
    sides = wedge(ahead[:, None, 0], ahead[:, 1]).reshape(9, -1)
    found: np.ndarray = (sides.min(axis=0) <= 0.0) & (sides.max(axis=0) >= 0.0)
    return found


def meeting(pair: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Where two curves meet, by Newton's method for B(t) - C(u) = 0."""
    return _newton(_crossing, _motion(pair)[:, :2], t)


def alignment(pair: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Where two curves are parallel and next to each other, by Newton's method.

    For B' x C' = 0 and (B - C) . B' = 0, of which a tangent contact is a simple root.
    """
    return _newton(_parallel, _motion(pair), t)


def _motion(pair: np.ndarray) -> np.ndarray:
    """The coefficients (4, 3, 2, n) of points, and of first and second derivatives."""
    found = np.zeros((4, 3, *pair.shape[1:]), dtype=np.complex128)
    found[:, 0] = pair
    found[0, 1], found[1, 1], found[2, 1] = pair[1], 2.0 * pair[2], 3.0 * pair[3]
    found[0, 2], found[1, 2] = found[1, 1], 2.0 * found[2, 1]
    return found


def _crossing(motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    point, ahead = motion
    gap = (point[1] - point[0]).conj()
    return (gap * ahead[::-1]).imag, wedge(ahead[0], ahead[1])


def _parallel(motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    (b, c), (db, dc), (ddb, ddc) = motion
    gap, way = (b - c).conj() * motion[1:, 0], db.conj()
    both = way * motion[1]
    f, gu = both[1].imag, -both[1].real
    g, gt = gap[0].real, both[0].real + gap[1].real
    ft, fu = wedge(ddb, dc), (way * ddc).imag
    step = np.empty(motion.shape[1:], dtype=np.float64)
    np.subtract(fu * g, f * gu, out=step[0])
    np.subtract(f * gt, ft * g, out=step[1])
    return step, ft * gu - fu * gt


def _newton(
    step: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]], motion: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """Both parameters after the steps of a method; pairs that have arrived are left alone.

    So are those that come back to where they were two steps before: they would go to and fro.
    """
    found, k = t.copy(), np.arange(t.shape[1])
    now = before = t
    for left in range(_ROUNDS if len(k) else 0, 0, -1):
        way, det = step(along(motion, now))
        np.copyto(det, 1e-12, where=np.abs(det) < 1e-12)
        way /= det
        there = clipped(clipped(way, -0.5, 0.5) + now, -0.05, 1.05)
        back = there == before
        back[0] &= back[1]
        on = np.abs(way, out=way) > _DONE
        on[0] |= on[1]
        on[0] &= ~back[0]
        some = on[0].nonzero()[0]
        if len(some) < len(k) or left == 1:
            found[:, k] = there if left % 2 else np.where(back[0], now, there)
            if not len(some):
                break
            k, motion = k[some], motion.take(some, axis=-1)
            now, there = now.take(some, axis=1), there.take(some, axis=1)
        before, now = now, there
    return found


def may_pass(c: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Whether curves may go through points (n,): some of theirs are so near that it takes no more
    than their greatest speed."""
    speeds = np.abs(c[1:])
    reach = (speeds[0] + 2.0 * speeds[1] + 3.0 * speeds[2]) * (_SOME[1, 0] / 2.0)
    found: np.ndarray = _gaps(c, point).min(axis=0) <= reach + TOGETHER
    return found


def foot(c: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Parameters (n,) from 0 to 1 at which curves are at points (n,), or where they come near them.

    By the Gauss-Newton method from the nearest of a few points on, which is quick where the curve
    goes through the point; how near the others come is not certain.
    """
    t: np.ndarray = _SOME[_gaps(c, point).argmin(axis=0), 0]
    for _ in range(6):
        ahead = speed(c, t)
        step = dot(ahead, point - along(c, t)) / np.maximum(dot(ahead, ahead), 1e-12)
        t = clipped(t + clipped(step, -0.1, 0.1), 0.0, 1.0)
    return t


def _gaps(c: np.ndarray, point: np.ndarray) -> np.ndarray:
    """From a few points of curves to points (n,)."""
    gaps: np.ndarray = np.abs(along(c[:, None], _SOME) - point)
    return gaps


def clipped(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """The values themselves, clipped: ``np.clip`` takes twice as long where there are few."""
    np.maximum(values, low, out=values)
    np.minimum(values, high, out=values)
    return values


def lens_ways(
    pair: np.ndarray, t: np.ndarray, least: float, most: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where curves that are parallel at t (2, n) may cross nearby: rows (m,), and the ways (2, m).

    For gaps from ``least`` to ``most``, and by the parabolas that the curves are near there: the
    gap over half the difference of curvatures is the square of the way.
    """
    point, ahead, turn = along(pair, t), speed(pair, t), bend(pair, t)
    gap = np.abs(point[0] - point[1])
    k = ((gap > least) & (gap < most)).nonzero()[0]
    ahead, turn, gap = ahead[:, k], turn[:, k], gap[k]
    fast = np.maximum(np.abs(ahead), 1e-12)
    way = np.sign(dot(ahead[0], ahead[1]))
    curvature = wedge(ahead, turn) / fast**3
    bending = np.abs(curvature[0] - way * wedge(ahead[1], turn[1]) / fast[1] ** 3)
    some = (bending > 1e-9).nonzero()[0]
    k, way, fast = k[some], way[some], fast[:, some]
    reach = np.sqrt(2.0 * gap[some] / bending[some])
    return k, np.stack((reach / fast[0], way * reach / fast[1]))
