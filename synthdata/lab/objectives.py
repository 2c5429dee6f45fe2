"""Objectives of studies: ``(config, trial) -> float``."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType

from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.lab.trial import Trial
from synthdata.runtime.resources import Container

for _name in ("torch", "safetensors", "tensorboard", "tokenizers", "torchmetrics"):
    if find_spec(_name) is None:
        raise ConfigError(
            f'objective: those of synthdata need {_name}; pip install "synthdata[lab]"'
        )


def count_error(config: Config, trial: Trial) -> float:
    """How far off a small network is that has learned to count marks from samples of the config.

    It is trained on samples as they are drawn, and never sees one twice; the value is its mean
    absolute error on ``training.samples`` images of ``training.target``, at the best of
    ``training.reports`` moments. That of the same weights on ``training.held_out`` other images of
    it, which decide nothing, is noted as ``held_out``.
    """
    from synthdata.lab import counting

    return _trained(counting, config, trial)


def caption_perplexity(config: Config, trial: Trial) -> float:
    """How unsure of the next word a small network is that has learned to describe pictures.

    The value is its perplexity on the target's captions, given their pictures; otherwise as in
    ``count_error``. Needs ``labels=[captions]``. Its words are those of the target's captions.
    """
    from synthdata.lab import captioning

    return _trained(captioning, config, trial)


def _trained(learned: ModuleType, config: Config, trial: Trial) -> float:
    from synthdata.lab import training

    asked = training.Asked(config, trial.settings.training, trial)
    with Container(learned.DECLARED, asked) as own:
        value, held_out = training.train(own, learned.loss, learned.score)
    trial.note(held_out=held_out)
    return value
