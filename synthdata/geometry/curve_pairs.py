"""Two curves at a time, many pairs at once: where they meet, and where they are parallel.

Curves are given by the coefficients of the powers of their parameter, complex (4, n); row k of one
goes with row k of the other.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

_ROUNDS = 10
_DONE = 1e-9  # of the parameter


def wedge(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cross products (n,) of vectors."""
    product: np.ndarray = (a.conj() * b).imag
    return product


def dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The scalar products (n,) of vectors."""
    product: np.ndarray = (a.conj() * b).real
    return product


def coefficients(p: np.ndarray) -> np.ndarray:
    """Of the powers of the parameter, from 0 to 3: (4, n) of cubics (n, 4)."""
    a, b, c, d = p.T
    return np.stack((a, 3.0 * (b - a), 3.0 * (c - 2.0 * b + a), d - 3.0 * (c - b) - a))


def along(c: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points (n,) at parameters (n,)."""
    point: np.ndarray = ((c[3] * t + c[2]) * t + c[1]) * t + c[0]
    return point


def motion(c: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, first and second derivatives (n,)."""
    third = 3.0 * c[3] * t
    speed = (third + 2.0 * c[2]) * t + c[1]
    return along(c, t), speed, 2.0 * (third + c[2])


def meeting(
    c: np.ndarray, d: np.ndarray, t: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where two curves meet, by Newton's method for B(t) - C(u) = 0."""
    return _newton(_crossing, c, d, t, u)


def alignment(
    c: np.ndarray, d: np.ndarray, t: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where two curves are parallel and next to each other, by Newton's method.

    For B' x C' = 0 and (B - C) . B' = 0, of which a tangent contact is a simple root.
    """
    return _newton(_parallel, c, d, t, u)


def _crossing(
    c: np.ndarray, d: np.ndarray, t: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    (b, db, _), (e, de, _) = motion(c, t), motion(d, u)
    gap = e - b
    return wedge(gap, de), wedge(gap, db), wedge(db, de)


def _parallel(
    c: np.ndarray, d: np.ndarray, t: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    (b, db, ddb), (e, de, dde) = motion(c, t), motion(d, u)
    gap = b - e
    f, g = wedge(db, de), dot(gap, db)
    ft, fu = wedge(ddb, de), wedge(db, dde)
    gt, gu = dot(db, db) + dot(gap, ddb), -dot(de, db)
    return fu * g - f * gu, f * gt - ft * g, ft * gu - fu * gt


def _newton(
    step: Callable[..., tuple[np.ndarray, np.ndarray, np.ndarray]],
    c: np.ndarray,
    d: np.ndarray,
    t: np.ndarray,
    u: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Both parameters after the steps of a method; pairs that have arrived are left alone."""
    t, u = t.copy(), u.copy()
    k = np.arange(len(t))
    for _ in range(_ROUNDS):
        if not len(k):
            break
        dt, du, det = step(c, d, t[k], u[k])
        det = np.where(np.abs(det) < 1e-12, 1e-12, det)
        dt, du = _clip(dt / det, -0.5, 0.5), _clip(du / det, -0.5, 0.5)
        t[k], u[k] = _clip(t[k] + dt, -0.05, 1.05), _clip(u[k] + du, -0.05, 1.05)
        on = np.flatnonzero(np.maximum(np.abs(dt), np.abs(du)) > _DONE)
        if len(on) < len(k):
            k, c, d = k[on], c[:, on], d[:, on]
    return t, u


def foot(c: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Parameters (n,) from 0 to 1 at which curves are at points (n,), or where they come near them.

    By the Gauss-Newton method from the nearest of a few points on, which is quick where the curve
    goes through the point; how near the others come is not certain.
    """
    some = np.linspace(0.0, 1.0, 17)[:, None]
    t: np.ndarray = some[np.abs(along(c[:, None], some) - point).argmin(axis=0), 0]
    for _ in range(6):
        b, db, _ = motion(c, t)
        step = dot(db, point - b) / np.maximum(dot(db, db), 1e-12)
        t = _clip(t + _clip(step, -0.1, 0.1), 0.0, 1.0)
    return t


def _clip(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """As ``np.clip``, in half its time where there are few."""
    clipped: np.ndarray = np.minimum(np.maximum(values, low), high)
    return clipped


def lens_ways(
    c: np.ndarray, d: np.ndarray, t: np.ndarray, u: np.ndarray, least: float, most: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where curves that are parallel at t and u may cross nearby: rows, and how far off in t and u.

    For gaps from ``least`` to ``most``, and by the parabolas that the curves are near there: the
    gap over half the difference of curvatures is the square of the way.
    """
    (b, db, ddb), (e, de, dde) = motion(c, t), motion(d, u)
    fast, swift = np.maximum(np.abs(db), 1e-12), np.maximum(np.abs(de), 1e-12)
    way = np.sign(dot(db, de))
    bend = np.abs(wedge(db, ddb) / fast**3 - way * wedge(de, dde) / swift**3)
    gap = np.abs(b - e)
    k = np.flatnonzero((gap > least) & (gap < most) & (bend > 1e-9))
    reach = np.sqrt(2.0 * gap[k] / bend[k])
    return k, reach / fast[k], way[k] * reach / swift[k]
