"""How many samples may fail before a run stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from synthdata.config import Failures
from synthdata.errors import BudgetSpent
from synthdata.run.ledger import Ledger
from synthdata.runtime.beat import Pulse

_NAMED = 3  # causes in a message


def check(limits: Failures, n: int, ledger: Ledger, pulses: Sequence[Pulse]) -> None:
    """Raise BudgetSpent if more samples failed than ``limits`` allow.

    ``ledger`` has those of the finished shards, ``pulses`` those of the others so far.
    """
    failed = ledger.failed + sum(pulse.failed for pulse in pulses)
    streaks = [p.streak + ledger.streaks.before(p.since) for p in pulses if p.streak]
    streak = max([ledger.streak, *streaks])
    spent = None
    if limits.max_count is not None and failed > limits.max_count:
        spent = f"{failed} samples failed, more than failures.max_count={limits.max_count}"
    elif limits.max_rate is not None and failed > limits.max_rate * n:
        spent = f"{failed} samples failed, more than failures.max_rate={limits.max_rate} of n={n}"
    elif limits.max_consecutive is not None and streak > limits.max_consecutive:
        most = limits.max_consecutive
        spent = f"{streak} samples in a row failed, more than failures.max_consecutive={most}"
    if spent:
        causes = ledger.causes + Counter(row["cause"] for p in pulses for row in p.rows())
        raise BudgetSpent(f"{spent} allows: {_most_common(causes)}")


def _most_common(causes: Counter[str]) -> str:
    named = [f"{times} by {cause!r}" for cause, times in causes.most_common(_NAMED)]
    others = causes.total() - sum(times for _, times in causes.most_common(_NAMED))
    return ", ".join(named) + (f", {others} by others" if others else "")
