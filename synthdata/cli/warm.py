"""Starting workers while Hydra composes: either takes half a second, so do both at once.

Light on imports, for it runs before everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from synthdata.engines import loky, queue
from synthdata.errors import ConfigError
from synthdata.run.stop import hold_interrupts, release_interrupts

#: What every worker needs, imported before it gets its first shard.
WORKER_MODULES = (
    "synthdata.run.shard",
    "synthdata.renderers.agg",
    "synthdata.renderers.backend_agg",
)


@contextmanager
def workers_for(arguments: Sequence[str]) -> Iterator[Callable[[], None]]:
    """Start as many workers as the arguments let expect; end them when the block ends.

    A thread starts them. Until what the block is given has been called, which waits for it, signals
    are held back.
    """
    processes = expected_processes(arguments)
    engine = queue if "engine=queue" in arguments else loky

    def ready() -> None:
        engine.warmed_up()
        release_interrupts()

    hold_interrupts()
    try:
        if processes:
            engine.warm_up(processes, WORKER_MODULES)
        yield ready
    finally:
        loky.cool_down()
        queue.cool_down()
        release_interrupts()


def expected_processes(arguments: Sequence[str]) -> int:
    """How many workers a run will ask for; 0 where that cannot be told before composing."""
    if any(a.startswith(("-", "+", "~")) for a in arguments):
        return 0
    given = dict(a.partition("=")[::2] for a in arguments)
    if given.get("engine", "loky") not in ("loky", "queue"):
        return 0
    try:
        workers = int(given["engine.workers"]) if "engine.workers" in given else None
        shards = -(-int(given.get("n", 1000)) // int(given.get("shard_size", 250)))
        return max(0, min(loky.Loky(workers).processes(), shards))
    except (ValueError, ArithmeticError, ConfigError):
        return 0
