"""Two curves at a time, many pairs at once: where they meet, and where they are parallel.

Curves are given by the coefficients of the powers of their parameter, (4, n, 2); row k of one goes
with row k of the other.
"""

from __future__ import annotations

import numpy as np

_ROUNDS = 10


def wedge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cross products (...) of vectors (..., 2)."""
    product: np.ndarray = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return product


def coefficients(p: np.ndarray) -> np.ndarray:
    """Of the powers of the parameter, from 0 to 3: (4, n, 2) of cubics (n, 4, 2)."""
    a, b, c, d = p[:, 0], p[:, 1], p[:, 2], p[:, 3]
    return np.stack((a, 3.0 * (b - a), 3.0 * (c - 2.0 * b + a), d - 3.0 * (c - b) - a))


def along(c: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points (n, 2) at parameters (n,)."""
    t = t[:, None]
    point: np.ndarray = ((c[3] * t + c[2]) * t + c[1]) * t + c[0]
    return point


def motion(c: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, first and second derivatives (n, 2)."""
    point, t = along(c, t), t[:, None]
    speed = (3.0 * c[3] * t + 2.0 * c[2]) * t + c[1]
    return point, speed, 6.0 * c[3] * t + 2.0 * c[2]


def meeting(
    c: np.ndarray, d: np.ndarray, t: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where two curves meet, by Newton's method for B(t) - C(u) = 0."""
    for _ in range(_ROUNDS):
        (b, db, _), (e, de, _) = motion(c, t), motion(d, u)
        gap, cross = e - b, wedge(db, de)
        cross = np.where(np.abs(cross) < 1e-12, 1e-12, cross)
        step = np.stack((wedge(gap, de), wedge(gap, db))) / cross
        t, u = np.clip((t, u) + np.clip(step, -0.5, 0.5), -0.05, 1.05)
        if np.abs(step).max(initial=0.0) < 1e-10:
            break
    return t, u


def alignment(
    c: np.ndarray, d: np.ndarray, t: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where two curves are parallel and next to each other, by Newton's method.

    For B' x C' = 0 and (B - C) . B' = 0, of which a tangent contact is a simple root.
    """
    for _ in range(_ROUNDS):
        (b, db, ddb), (e, de, dde) = motion(c, t), motion(d, u)
        gap = b - e
        f, g = wedge(db, de), (gap * db).sum(axis=1)
        ft, fu = wedge(ddb, de), wedge(db, dde)
        gt = (db * db + gap * ddb).sum(axis=1)
        gu = -(de * db).sum(axis=1)
        det = ft * gu - fu * gt
        det = np.where(np.abs(det) < 1e-12, 1e-12, det)
        step = np.stack((fu * g - f * gu, f * gt - ft * g)) / det
        t, u = np.clip((t, u) + np.clip(step, -0.5, 0.5), -0.05, 1.05)
        if np.abs(step).max(initial=0.0) < 1e-10:
            break
    return t, u


def lens_ways(
    c: np.ndarray, d: np.ndarray, t: np.ndarray, u: np.ndarray, least: float, most: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where curves that are parallel at t and u may cross nearby: rows, and how far off in t and u.

    For gaps from ``least`` to ``most``, and by the parabolas that the curves are near there: the
    gap over half the difference of curvatures is the square of the way.
    """
    (b, db, ddb), (e, de, dde) = motion(c, t), motion(d, u)
    fast, swift = np.maximum(np.hypot(*db.T), 1e-12), np.maximum(np.hypot(*de.T), 1e-12)
    way = np.sign((db * de).sum(axis=1))
    bend = np.abs(wedge(db, ddb) / fast**3 - way * wedge(de, dde) / swift**3)
    gap = np.hypot(*(b - e).T)
    k = np.flatnonzero((gap > least) & (gap < most) & (bend > 1e-9))
    reach = np.sqrt(2.0 * gap[k] / bend[k])
    return k, reach / fast[k], way[k] * reach / swift[k]
