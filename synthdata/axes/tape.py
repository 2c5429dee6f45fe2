"""Random streams that several samples have in common: drawn once, and read again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

MOST = 1 << 16  # bytes of one draw that is remembered


class Tape:
    """What was drawn from a stream, in order: for who draws, a ``numpy.random.Generator``.

    The same draws are answered from memory; another one than before, and what comes after the last,
    is drawn by the generator, which ``start`` puts at the beginning of the stream. So whatever is
    drawn, it is what the generator alone would give.
    """

    def __init__(self, start: Callable[[], np.random.Generator]) -> None:
        self._start = start
        self._draws: list[tuple[Any, Any]] = []  # calls and what they gave
        self._place = 0
        self._live: np.random.Generator | None = None  # where it stands after all of these
        self.kept = True  # whether all of it can be remembered

    def rewound(self) -> Tape:
        """This, at its beginning."""
        self._place = 0
        return self

    def let_go(self) -> None:
        """Be told that the generator has gone elsewhere."""
        self._live = None

    def __getattr__(self, name: str) -> Any:
        if not callable(getattr(np.random.Generator, name)):  # its inner life
            return getattr(self._real(), name)

        def draw(*args: Any, **options: Any) -> Any:
            return self._draw(name, args, options)

        vars(self)[name] = draw
        return draw

    def _draw(self, name: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        call = name, args, tuple(options.items())
        try:
            hash(call)
        except TypeError:  # arrays, which it may be about to change
            return getattr(self._real(), name)(*args, **options)
        if self._place < len(self._draws):
            known, result = self._draws[self._place]
            if known == call:
                self._place += 1
                return result.copy() if isinstance(result, np.ndarray) else result
        result = getattr(self._after(), name)(*args, **options)
        if isinstance(result, np.ndarray):
            self.kept = self.kept and result.nbytes <= MOST
            if self.kept:
                self._draws.append((call, result.copy()))
        elif self.kept:
            self._draws.append((call, result))
        self._place = len(self._draws)
        return result

    def _after(self) -> np.random.Generator:
        """The generator, after what was drawn since the beginning; later draws are forgotten."""
        if self._place < len(self._draws):
            del self._draws[self._place :]
            self._live = None
        if self._live is None:
            self._live = self._start()
            for (name, args, options), _ in self._draws:
                getattr(self._live, name)(*args, **dict(options))
        return self._live

    def _real(self) -> np.random.Generator:
        """The generator itself, for what cannot be remembered."""
        live = self._after()
        self.kept = False
        return live
