"""How many samples are made: plan, ledger, lock, resume and proof of a run directory."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.run.ledger import Ledger
    from synthdata.run.plan import Plan, Shard
    from synthdata.run.run import Run
    from synthdata.run.session import Observer

__all__ = ["Ledger", "Observer", "Plan", "Run", "Shard"]

# Workers import only ``run.shard``.
__getattr__, __dir__ = lazy(
    globals(),
    {"Ledger": "ledger", "Observer": "session", "Plan": "plan", "Run": "run", "Shard": "plan"},
)
