"""What a process owns: declared, built when it is first asked for, closed in reverse.

A resource is a thing that no other process may share, or no other thread, or that has to be closed:
a renderer, an open font, a connection, a device. What a pure function has found out before is none
and may be kept in a ``lru_cache``.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any, Literal, NamedTuple

from synthdata.errors import SynthdataError, nearest

PATIENCE_S = 5.0  # how long the end of a process waits for a thread that is building
logger = logging.getLogger("synthdata.runtime")


class ResourceError(SynthdataError):
    """Resources are declared in a way that cannot be, or some could not be closed."""


class Resource(NamedTuple):
    """A declaration of something that a process owns.

    Parameters
    ----------
    name
        What it is asked for by.
    build
        ``build(config, *required)`` makes it, from the container's config and what it requires.
    requires
        The names of other resources, in the order in which ``build`` takes them.
    close
        ``close(value)`` ends it; None where there is nothing to end.
    scope
        ``process``: one for all threads. ``thread``: one for each thread that asks, closed when
        that thread ends.
    """

    name: str
    build: Callable[..., Any]
    requires: tuple[str, ...] = ()
    close: Callable[[Any], object] | None = None
    scope: Literal["process", "thread"] = "process"


class Container:
    """The resources of this process: ``container["renderer"]`` builds what is not there yet.

    What is required is built before, in the order in which it is named, and everything once,
    whichever thread asks first. Whatever a build raises reaches who asked, after what had been
    built for it was closed again; the next one who asks tries again. A process that was forked from
    this one finds the container empty and builds its own, and a pickle of it holds the declarations
    and the config only. The functions must not wait for threads that ask this container.

    It closes by ``close`` or at the end of a ``with`` block, else when the process ends: by itself,
    by an exception, or by SIGTERM where that has no handler of somebody else's.

    Parameters
    ----------
    declared
        All resources, in any order.
    config
        What each ``build`` is given: something frozen.

    Raises
    ------
    ResourceError
        If two have one name, one requires what nobody declares, or some require each other: the
        message has the path.
    """

    def __init__(self, declared: Iterable[Resource], config: Any = None) -> None:
        self.config = config
        self._declared = _checked(tuple(declared))
        self._state = _State(_life)

    def __getitem__(self, name: str) -> Any:
        state = self._state
        if state.life is _life:
            try:
                return state.own.__dict__[name]
            except KeyError:
                pass
        return self._asked(name)

    @property
    def built(self) -> tuple[str, ...]:
        """The resources that this thread has been given or are there for all, by name."""
        state = self._state
        if state.life is not _life:
            return ()
        names = {**state.shared, **state.own.__dict__}
        return tuple(name for name in names if name)

    def close(self) -> None:
        """Close what was built, the last one first; whoever asks later has it built anew.

        Raises
        ------
        ResourceError
            If some could not be closed, after all others were: the message names them.
        """
        state = self._state
        if state.life is not _life:  # the parent's
            return
        with state.lock:
            self._state = _State(_life)
            failed = state.close()
        for _, error in failed:
            if not isinstance(error, Exception):
                raise error
        if failed:
            raise ResourceError(
                "cannot be closed: " + "; ".join(f"{name}: {error!r}" for name, error in failed)
            ) from failed[0][1]

    def __enter__(self) -> Container:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return Container, (tuple(self._declared.values()), self.config)

    def __repr__(self) -> str:
        return f"Container({list(self._declared)}, built={list(self.built)})"

    def _asked(self, name: str) -> Any:
        while True:
            state = self._current()
            with state.lock:
                made, closing = len(state.made), len(state.closing)
                try:
                    value = self._value(state, name)
                except BaseException:
                    if state.life is _life:
                        state.undo(made, closing)
                    raise
                finally:
                    if not made:
                        state.made.clear()
            if state.life is _life:  # else a build has forked, and this is the child
                return value

    def _current(self) -> _State:
        """The state of this process: a new one in a process that was forked since."""
        if self._state.life is not _life:
            with _life.lock:
                if self._state.life is not _life:
                    _life.inherited.append(self._state)
                    self._state = _State(_life)
        return self._state

    def _value(self, state: _State, name: str) -> Any:
        """What is there, or is built now; whoever calls holds the lock."""
        own = state.own.__dict__
        if name not in own and name in state.shared:
            own[name] = state.shared[name]
        if name in own:
            return own[name]
        if name not in self._declared:
            raise ResourceError(f"{name!r} is not declared; {nearest(name, self._declared)}")
        if name in state.building:
            raise ResourceError(_cycle([*state.building, name]))
        resource = self._declared[name]
        state.building.append(name)
        try:
            required = [self._value(state, each) for each in resource.requires]
            try:
                value = resource.build(self.config, *required)
            except BaseException as error:
                error.add_note(f"while building {' -> '.join(state.building)}")
                raise
        finally:
            state.building.pop()
        state.keep(resource, value)
        return value


class Kept:
    """Containers by key: the one used last, or the ``most`` last; others are closed.

    For processes that are given one piece of work after the other, each with its config.
    """

    def __init__(self, declared: Sequence[Resource], most: int = 1) -> None:
        self._declared = tuple(declared)
        self._most = most
        self._there: dict[Hashable, Container] = {}

    def __call__(self, key: Hashable, config: Any) -> Container:
        """The container for a key, with ``config`` if it is new."""
        with _life.lock:
            container = self._there.pop(key, None) or Container(self._declared, config)
            self._there[key] = container
            surplus = list(self._there)[: -self._most]
            old = [self._there.pop(each) for each in surplus]
        for each in old:
            each.close()
        return container

    def __iter__(self) -> Iterator[Any]:
        """The keys, the one used last at the end."""
        return iter(list(self._there))

    def clear(self) -> None:
        """Close all."""
        with _life.lock:
            old = list(self._there.values())
            self._there.clear()
        for each in old:
            each.close()


def _checked(declared: Sequence[Resource]) -> Mapping[str, Resource]:
    """The declarations by name; ResourceError if they cannot be."""
    named: dict[str, Resource] = {}
    for each in declared:
        if not each.name or each.name in named:
            what = "is declared twice" if each.name else "is no name"
            raise ResourceError(f"{each.name!r} {what}")
        named[each.name] = each
    for each in declared:
        for name in each.requires:
            if name not in named:
                raise ResourceError(
                    f"{each.name} -> {name}: {name!r} is not declared; {nearest(name, named)}"
                )
            if each.scope == "process" and named[name].scope == "thread":
                raise ResourceError(
                    f"{each.name} -> {name}: what all threads share cannot require what each "
                    "thread has of its own"
                )
    done: set[str] = set()
    for each in declared:
        _walk(each.name, named, [], done)
    return named


def _walk(name: str, named: Mapping[str, Resource], path: list[str], done: set[str]) -> None:
    """Raise ResourceError if what is required leads back to where it began."""
    if name in path:
        raise ResourceError(_cycle([*path, name]))
    if name not in done:
        for required in named[name].requires:
            _walk(required, named, [*path, name], done)
        done.add(name)


def _cycle(path: Sequence[str]) -> str:
    ring = path[path.index(path[-1]) :]
    return f"{' -> '.join(ring)}: these require each other, and none can be the first"


class _Life:
    """A process from its start, or from the fork that made it."""

    def __init__(self, before: _Life | None = None) -> None:
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.open: dict[_State, None] = {}  # with something to close, in the order of the first
        self.closes_at_end = False
        # Not to be collected, as that could end what is the parent's.
        self.inherited: list[object] = [] if before is None else [before]

    def opened(self, state: _State) -> None:
        """Note that a state has something to close when this process ends."""
        if not self.closes_at_end:
            self.closes_at_end = True
            _close_at_end()
        self.open.setdefault(state)

    def close(self) -> None:
        """Close all, those opened last first."""
        while self.open:
            state, _ = self.open.popitem()
            held = state.lock.acquire(timeout=PATIENCE_S)
            state.close()
            if held:
                state.lock.release()


class _State:
    """What one container has built in one life."""

    def __init__(self, life: _Life) -> None:
        self.life = life
        self.lock = threading.RLock()
        self.own = threading.local()  # of this thread, and what it was given of the shared ones
        self.shared: dict[str, Any] = {}
        self.closing: list[tuple[Resource, Any, int]] = []  # in the order of building
        self.building: list[str] = []  # the path from what was asked for
        self.made: list[Resource] = []  # since the outermost call

    def keep(self, resource: Resource, value: Any) -> None:
        own, shared = self.own.__dict__, resource.scope == "process"
        self.made.append(resource)
        if resource.close is not None:
            self.closing.append((resource, value, 0 if shared else threading.get_ident()))
            if self.life is _life:
                self.life.opened(self)
                if not shared:
                    own.setdefault("", _Ending(self))
        if shared:
            self.shared[resource.name] = value
        own[resource.name] = value

    def undo(self, made: int, closing: int) -> None:
        """Close and forget what was built since there was so much."""
        self.close(closing)
        for resource in self.made[made:]:
            self.own.__dict__.pop(resource.name, None)
            self.shared.pop(resource.name, None)
        del self.made[made:]

    def close(self, down_to: int = 0) -> list[tuple[str, BaseException]]:
        """Close in reverse what was built after the first ``down_to``; what could not be."""
        failed = []
        while len(self.closing) > down_to:
            resource, value, _ = self.closing.pop()
            failed += _closed(resource, value)
        if not self.closing:
            self.life.open.pop(self, None)
        return failed

    def end_thread(self, ident: int) -> None:
        """Close what a thread had of its own, as it has ended."""
        if self.closing and self.life.pid == os.getpid():  # in a fork all other threads end
            with self.lock:
                ended = [each for each in self.closing if each[2] == ident]
                self.closing[:] = [each for each in self.closing if each[2] != ident]
            for resource, value, _ in reversed(ended):
                _closed(resource, value)


class _Ending:
    """Lies among what a thread owns, and so goes when the thread does."""

    def __init__(self, state: _State) -> None:
        self._state, self._ident = state, threading.get_ident()

    def __del__(self) -> None:
        self._state.end_thread(self._ident)


def _closed(resource: Resource, value: Any) -> list[tuple[str, BaseException]]:
    """Close one; its name and the error if that fails, which is logged."""
    try:
        assert resource.close is not None
        resource.close(value)
    except BaseException as error:
        logger.error("resource %s: cannot be closed: %r", resource.name, error)
        return [(resource.name, error)]
    return []


_life = _Life()


def _forked() -> None:
    global _life
    _life = _Life(_life)


def _close_all() -> None:
    _life.close()


def _close_at_end() -> None:
    """Let the ways in which this process may end close what is open."""
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:  # its children end without atexit's functions
        util.Finalize(None, _close_all, exitpriority=0)
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, end)


def end(number: int, frame: FrameType | None) -> None:
    """A handler: end by the signal as without one, after all is closed."""
    _close_all()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


os.register_at_fork(after_in_child=_forked)
atexit.register(_close_all)
