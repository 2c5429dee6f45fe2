"""The replies that another run has kept: the option ``services=recorded``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthdata.errors import ConfigError
from synthdata.replies import Answers, Question, Service


@dataclass(frozen=True, kw_only=True)
class Recorded(Service):
    """Nobody is called: what ``run`` has in ``replies/`` answers, and all else has no answer."""

    run: str

    def check(self) -> None:
        if not (Path(self.run) / "replies").is_dir():
            raise ConfigError(
                f"services.run: {self.run!r} has no replies; name the directory of a run whose "
                "labels asked a model"
            )

    def answer(
        self, questions: Sequence[Question], stopping: Callable[[], bool] = lambda: False
    ) -> Answers:
        from synthdata.run.answers import all_kept

        kept = all_kept(Path(self.run))
        replies = {q.key: kept[q.key] for q in questions if q.key in kept}
        cause = f"it is not among those of {self.run}"
        causes = {q.key: cause for q in questions if q.key not in kept}
        counts = {"hits": len(replies), "calls": 0, "failed": len(causes)}
        return Answers(replies, causes, counts)
