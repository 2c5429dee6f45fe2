"""The worker processes of a queue: started, ended, adopted, mourned."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from synthdata.errors import StartError
from synthdata.queue.block import PREFIX, Block, Row, Status, Word
from synthdata.queue.boot import Start, launch, trouble
from synthdata.queue.claims import give_back
from synthdata.queue.config import QueueConfig
from synthdata.queue.worker import Terms

# Workers in a row that ended, or were killed, before they could begin: more is no accident.
EARLY_ENDS, EARLY_KILLS = 2, 20
logger = logging.getLogger("synthdata.queue")


@dataclass
class Member:
    """One worker: its row, its process, the pipe that wakes it."""

    row: int
    pid: int
    watch: int  # a pidfd, readable when the process has ended
    wake: int
    process: subprocess.Popen[bytes] | None  # None for one that another process started
    leaving: bool = False


class Death(NamedTuple):
    """A worker that has ended. ``lost`` are the tasks that are not tried again for it."""

    row: int
    pid: int
    cause: str
    returned: int
    lost: tuple[int, ...]
    mark: int  # what its handler noted last; -1 for nothing
    expected: bool


class Crew:
    """All workers of a queue. For one thread at a time.

    ``note`` are the two ends of the pipe that wakes the producer.
    """

    def __init__(
        self, block: Block, config: QueueConfig, work: tuple[bytes, Any], note: tuple[int, int]
    ) -> None:
        self._block, self._config, self._work, self._note = block, config, work, note
        self.members: dict[int, Member] = {}
        # How each task was lost, and what its handler noted last; -1 for nothing.
        self.causes: dict[int, tuple[str, int]] = {}
        self._early_ends = self._early_kills = 0
        self._started = 0
        self._cores = sorted(os.sched_getaffinity(0))
        self.done = self.failed = self.busy_ns = 0  # of workers that are gone

    def staff(self) -> list[Member]:
        """The workers that are not on their way out."""
        return [m for m in self.members.values() if not m.leaving]

    def spawn(self) -> int:
        """Start one worker; its process id. StartError when the system cannot."""
        row = next(
            (r for r in range(len(self._block.rows)) if not self._block.rows[r, Row.STATUS]), None
        )
        if row is None:
            raise StartError("queue: workers cannot start: too many are still ending")
        self._block.rows[row] = 0
        self._block.sleeping[row] = 0
        config = self._config
        terms = Terms(config.range, config.stamps, config.orphan_s)
        if config.pin:
            terms = replace(terms, core=self._cores[self._started % len(self._cores)])
        try:
            process, watch, writing = self._launched(row, terms)
        except OSError as error:
            self._block.rows[row] = 0
            raise StartError(f"queue: workers cannot start: {error}") from None
        self.members[row] = Member(row, process.pid, watch, writing, process)
        self._started += 1
        self._count()
        if config.log in ("worker", "task"):
            logger.info("worker %d begins", process.pid)
        return process.pid

    def _launched(self, row: int, terms: Terms) -> tuple[subprocess.Popen[bytes], int, int]:
        """A new process, what it is watched by, and what it is woken by; OSError without any."""
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        process, (work, main) = None, self._work
        try:
            self._block.rows[row, Row.STATUS] = Status.STARTING
            process = launch(Start(self._block.fd, reading, self._note[1], row, terms, work, main))
            return process, os.pidfd_open(process.pid), writing
        except BaseException:
            os.close(writing)
            if process is not None:  # nobody could watch it
                process.kill()
                process.wait()
            raise
        finally:
            os.close(reading)

    def adopt(self, row: int) -> bool:
        """Take over a worker that another supervisor has started; False if it has ended."""
        words = self._block.rows[row]
        pid, fd = int(words[Row.PID]), int(words[Row.BLOCK])
        try:
            watch = os.pidfd_open(pid)
        except OSError:
            return False
        try:
            link = f"/memfd:{PREFIX}{self._block.geometry.name} (deleted)"
            if os.readlink(f"/proc/{pid}/fd/{fd}") != link:  # another process of that number
                raise OSError
            way = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
            wake = os.open(f"/proc/{pid}/fd/{int(words[Row.WAKE])}", way)
        except OSError:
            os.close(watch)
            return False
        self.members[row] = Member(row, pid, watch, wake, None, bool(words[Row.END]))
        self._count()
        return True

    def end(self, count: int = 1) -> int:
        """Ask so many workers to end, the idle ones first; how many were asked."""
        rows = self._block.rows
        order = sorted(self.staff(), key=lambda m: rows[m.row, Row.STATUS] == Status.BUSY)
        for member in order[:count]:
            member.leaving = True
            rows[member.row, Row.END] = 1
            self._poke(member)
        self._count()
        return len(order[:count])

    def wake(self, most: int | None = None) -> None:
        """Wake workers that sleep: all, or at most so many."""
        sleeping = self._block.sleeping
        for member in list(self.members.values()):
            if most == 0:
                return
            if sleeping[member.row]:
                sleeping[member.row] = 0
                self._poke(member)
                most = None if most is None else most - 1

    def _poke(self, member: Member) -> None:
        with contextlib.suppress(OSError):  # full, or gone
            os.write(member.wake, b"\1")

    def watched(self) -> list[int]:
        """Descriptors that become readable when workers end."""
        return [m.watch for m in list(self.members.values())]

    def reap(self) -> Iterator[Death]:
        """What has become of those that have ended since; their tasks are with the others now."""
        for member in list(self.members.values()):
            if _ended(member.watch):
                yield self._bury(member)

    def _bury(self, member: Member) -> Death:
        row = self._block.rows[member.row]
        del self.members[member.row]
        code = None if member.process is None else member.process.wait()
        os.close(member.watch)
        os.close(member.wake)
        begun = row[Row.STATUS] not in (Status.NONE, Status.STARTING)
        expected = member.leaving or bool(self._block.words[Word.STOP])
        if begun:
            self._early_ends = self._early_kills = 0
        elif not expected:
            self._early_ends += code is None or code >= 0
            self._early_kills += 1
        cause, mark = _cause(code), int(row[Row.MARK]) - 1

        def tell(task: int) -> None:
            self.causes[task] = cause, mark

        left = give_back(self._block, member.row, self._config.max_deaths, tell)
        death = Death(
            member.row, member.pid, cause, left.returned, tuple(left.lost), mark, expected
        )
        self._forget(member.row)
        if self._config.log in ("worker", "task"):
            logger.info("worker %d: %s, %d tasks go back", death.pid, death.cause, death.returned)
        return death

    def bury_row(self, row: int) -> None:
        """Give back what a worker held that ended under another supervisor."""

        def tell(task: int) -> None:
            self.causes[task] = "worker ended while nobody looked after it", -1

        give_back(self._block, row, self._config.max_deaths, tell)
        self._forget(row)

    def _forget(self, row: int) -> None:
        words = self._block.rows[row]
        self.done += int(words[Row.DONE])
        self.failed += int(words[Row.FAILED])
        self.busy_ns += int(words[Row.BUSY])
        words[:] = 0
        self._block.sleeping[row] = 0
        self._count()
        self.wake()

    def _count(self) -> None:
        self._block.words[Word.LIVE] = len(self.members)

    def fault(self) -> StartError | None:
        """Why no worker can start, when it seems that none can."""
        if self._early_ends <= EARLY_ENDS and self._early_kills <= EARLY_KILLS:
            return None
        said = trouble(self._block)
        last = said.splitlines()[-1] if said else "they end at once"
        return StartError(f"workers cannot start: {last}\n{said}".strip())

    def stop(self, grace_s: float) -> None:
        """End all workers: after the task that they are on, or by force when that takes longer."""
        self._block.words[Word.STOP] = 1
        for member in self.members.values():
            self._poke(member)
        members = list(self.members.values())
        _wait(members, grace_s)
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(member.watch, signal.SIGKILL)
        _wait(members, 5.0)
        for death in self.reap():
            logger.debug("worker %d ended", death.pid)


def _wait(members: Iterable[Member], seconds: float) -> None:
    left = {m.watch for m in members}
    until = time.monotonic() + seconds
    while left and (remaining := until - time.monotonic()) > 0:
        poll = select.poll()
        for fd in left:
            poll.register(fd, select.POLLIN)
        left -= {fd for fd, _ in poll.poll(max(1, int(remaining * 1000)))}


def _ended(watch: int) -> bool:
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    return bool(poll.poll(0))


def _cause(code: int | None) -> str:
    if code is None:
        return "worker ended; another process started it and was told how"
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"worker ended by {signal.Signals(-code).name}"
        return f"worker ended by signal {-code}"
    return f"worker ended by exit code {code}"
