"""How many samples are made: plan, ledger, lock, resume and proof of a run directory."""

from synthdata.run.ledger import Ledger
from synthdata.run.plan import Plan, Shard
from synthdata.run.run import Observer, Run

__all__ = ["Ledger", "Observer", "Plan", "Run", "Shard"]
