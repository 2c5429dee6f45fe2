"""Who looks after the workers while the producer works: a thread that replaces and adds them."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import threading
import time

from synthdata.errors import StartError
from synthdata.queue.block import Block, Word
from synthdata.queue.config import QueueConfig
from synthdata.queue.crew import Crew, Death
from synthdata.queue.recovery import adopt_all

LOOK_S = 0.1  # how often the backlog is looked at
GROW_LOOKS = 2  # looks in a row that find all workers busy before one more is started
SHRINK_LOOKS = 20  # looks in a row that find one idle and no backlog before one is ended
logger = logging.getLogger("synthdata.queue")


class Supervisor:
    """Keeps a queue's crew at its number, and that number between its bounds."""

    def __init__(self, block: Block, crew: Crew, config: QueueConfig, note: int) -> None:
        self._block, self._crew, self._config, self._note = block, crew, config, note
        self.lock = threading.RLock()  # of the crew
        self.fault: StartError | None = None
        self.deaths = 0  # workers that were not asked to end
        self.target = config.workers
        self._busy_looks = self._idle_looks = 0
        self._ending = threading.Event()
        self._bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Bring the crew to its number, and look after it unless the mode is minimal."""
        with self.lock:
            self._fill()
        if self._config.mode != "minimal":
            self._thread = threading.Thread(target=self._run, name="queue supervisor", daemon=True)
            self._thread.start()

    def resize(self, target: int) -> None:
        """Go for so many workers from now on."""
        with self.lock:
            self.target = target
            self._fill()
            if (extra := len(self._crew.staff()) - target) > 0:
                self._crew.end(extra)

    def _run(self) -> None:
        looked = time.monotonic()
        while not self._ending.is_set():
            poll = select.poll()
            with self.lock:
                watched = self._crew.watched()
            for fd in (*watched, self._bell[0]):
                poll.register(fd, select.POLLIN)
            poll.poll(int(LOOK_S * 1000))
            try:
                with self.lock:
                    if self._ending.is_set():
                        return
                    self.look()
                    if (now := time.monotonic()) - looked >= LOOK_S:
                        looked = now
                        self._scale()
            except StartError as error:
                self._give_up(error)
                return
            except Exception as error:  # else the producer would wait for ever
                self._give_up(StartError(f"queue: nobody looks after its workers: {error!r}"))
                logger.exception("queue: nobody looks after its workers")
                return

    def look(self) -> None:
        """Bury the dead, hand their tasks to others, and start others in their place."""
        for death in self._crew.reap():
            self._tell(death)
        if (fault := self._crew.fault()) is not None:
            raise fault
        adopt_all(self._block, self._crew)
        self._fill()

    def _tell(self, death: Death) -> None:
        if not death.expected:
            self.deaths += 1
        if death.lost:
            self._wake_producer()

    def _give_up(self, error: StartError) -> None:
        self.fault = error
        self._wake_producer()

    def _wake_producer(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._note, b"\1")

    def _fill(self) -> None:
        if self._block.words[Word.STOP]:
            return
        while len(self._crew.staff()) < self.target:
            self._crew.spawn()

    def _scale(self) -> None:
        """One worker more when all are busy and tasks wait, one less when one is idle for long."""
        low, high = self._config.bounds
        if low == high:
            return
        words, count = self._block.words, len(self._crew.staff())
        backlog = words[Word.HEAD] - words[Word.CLAIM]
        idle = int(self._block.sleeping.sum())
        self._busy_looks = self._busy_looks + 1 if backlog >= count and not idle else 0
        self._idle_looks = self._idle_looks + 1 if idle and not backlog else 0
        if self._busy_looks >= GROW_LOOKS and self.target < high:
            self.target += 1
            self._busy_looks = 0
            self._fill()
        elif self._idle_looks >= SHRINK_LOOKS and self.target > low:
            self.target -= 1
            self._idle_looks = 0
            self._crew.end(1)

    def stop(self, grace_s: float) -> None:
        """End all workers and the thread."""
        self._ending.set()
        with contextlib.suppress(OSError):
            os.write(self._bell[1], b"\1")
        if self._thread is not None:
            self._thread.join()
        with self.lock:
            self._crew.stop(grace_s)
        for fd in self._bell:
            os.close(fd)
