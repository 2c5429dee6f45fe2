"""The lab: which data makes the best model? Studies over the keys of a config, by Optuna."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from synthdata._lazy import lazy
from synthdata.errors import ConfigError

if find_spec("optuna") is None:
    raise ConfigError('synthdata.lab needs Optuna; pip install "synthdata[lab]"')

if TYPE_CHECKING:
    from synthdata.lab.settings import Settings, Training
    from synthdata.lab.space import Choices, Range, Space
    from synthdata.lab.study import Plan, Study
    from synthdata.lab.trial import Pruned, Trial

__all__ = ["Choices", "Plan", "Pruned", "Range", "Settings", "Space", "Study", "Training", "Trial"]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Choices": "space",
        "Plan": "study",
        "Pruned": "trial",
        "Range": "space",
        "Settings": "settings",
        "Space": "space",
        "Study": "study",
        "Training": "settings",
        "Trial": "trial",
    },
)
