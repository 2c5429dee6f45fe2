"""How many samples may fail before a run stops."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from synthdata.config import Failures
from synthdata.errors import BudgetSpent
from synthdata.run.ledger import Ledger
from synthdata.run.plan import Shard
from synthdata.run.values import Whole
from synthdata.runtime.beat import Pulse

_NAMED = 3  # causes in a message


def check(
    limits: Failures,
    n: int,
    ledger: Ledger,
    pulses: Sequence[Pulse],
    shards: Mapping[int, Shard],
) -> None:
    """Raise BudgetSpent if more samples failed than ``limits`` allow.

    ``ledger`` has those of the finished shards, ``pulses`` those of the others so far. ``shards``
    has those of them that are along axes, by number: which of their samples are in a row with which
    is known when they are finished.
    """
    failed = ledger.failed + sum(pulse.failed for pulse in pulses)
    by_index = [p for p in pulses if p.streak and p.shard not in shards]
    streaks = [p.streak + ledger.streaks.before(p.since) for p in by_index]
    streak = max([ledger.streak, *streaks])
    spent = None
    if limits.max_count is not None and failed > limits.max_count:
        spent = f"{failed} samples failed, more than failures.max_count={limits.max_count}"
    elif limits.max_rate is not None and failed and limits.max_rate < 1:
        under_way = ((shards[p.shard], p.made, p.failed) for p in pulses if p.shard in shards)
        spent = _over(limits.max_rate, n, failed, ledger.values.failing(under_way))
    if spent is None and limits.max_consecutive is not None and streak > limits.max_consecutive:
        most = limits.max_consecutive
        spent = f"{streak} samples in a row failed, more than failures.max_consecutive={most}"
    if spent:
        causes = ledger.causes + Counter(row["cause"] for p in pulses for row in p.rows())
        raise BudgetSpent(f"{spent} allows: {_most_common(causes)}")


def _over(rate: float, n: int, failed: int, values: tuple[int, Sequence[Whole]]) -> str | None:
    """How much more failed than a share of the samples, or of the values along axes.

    What a value that fails as a whole loses are no samples but one value; one of several is always
    allowed, but by a rate of 0.
    """
    lost, wholes = values if rate else (0, ())
    if failed - lost > rate * n:
        return f"{failed - lost} samples failed, more than failures.max_rate={rate} of n={n}"
    for whole in wholes:
        if whole.failed > max(rate * whole.total, int(whole.total > 1)):
            names = ", ".join(whole.names)
            return (
                f"all samples of {whole.failed} of the {whole.total} values of {names} failed, "
                f"more than failures.max_rate={rate}"
            )
    return None


def _most_common(causes: Counter[str]) -> str:
    named = [f"{times} by {cause!r}" for cause, times in causes.most_common(_NAMED)]
    others = causes.total() - sum(times for _, times in causes.most_common(_NAMED))
    return ", ".join(named) + (f", {others} by others" if others else "")
