"""What programs import: the same runs and samples as on the command line."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from synthdata.compose import as_list, compose, listed
from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.outputs import check_outputs, finish_outputs
from synthdata.run import Observer, Run
from synthdata.sample_config import SampleConfig
from synthdata.vocabularies import settled


def config(
    overrides: Sequence[str] = (),
    *,
    config_dir: str | Path | None = None,
    plugins: Sequence[str] = (),
) -> Config:
    """The checked config of a run.

    Parameters
    ----------
    overrides
        As on the command line: ``["primitives=lines", "n=100"]``.
    config_dir
        A folder with config groups of your own.
    plugins
        Modules of yours that the config may name classes of, besides those it lists as ``plugins``.

    Raises
    ------
    ConfigError
        If anything is wrong with them: one sentence with the key, the value and what would do.
    """
    node = settled(compose(overrides, config_dir, Config.typed))
    made = Config.from_mapping(node, [*plugins, *listed(node)])
    check_outputs(made)
    return made


def sample_config(
    overrides: Sequence[str] = (), *, config_dir: str | Path | None = None
) -> SampleConfig:
    """Only the part of ``config`` that decides samples."""
    return config(overrides, config_dir=config_dir).sample_config


def generate(
    overrides: Sequence[str] = (),
    output: str | Path | None = None,
    *,
    config_dir: str | Path | None = None,
    observer: Observer | None = None,
) -> Run:
    """Make a run directory, or go on with one of the same config, and return when it is complete.

    Parameters
    ----------
    overrides, config_dir
        As for ``config``.
    output
        The run directory; a new one, ``outputs/<date>/<time>``, when not given.
    observer
        Is told of progress.

    Raises
    ------
    ConfigError
        If the config is wrong or does not fit the directory.
    StartError, BudgetSpent, DiskFull, Interrupted
        If the run ended early; ``generate`` with the same arguments and ``output`` goes on.
    """
    for override in as_list(overrides):
        if override.lstrip("+~").startswith("hydra."):
            raise ConfigError(
                f"{override!r} is for the command line; the run directory is generate's second "
                "argument"
            )
    made = config(overrides, config_dir=config_dir)
    # Absolute, for programs that go to another folder later, as Hydra's do with job.chdir.
    if output is not None:
        run = Run(Path(output).absolute(), made)
    else:
        run = Run(Path(time.strftime("outputs/%Y-%m-%d/%H-%M-%S")).absolute(), made)
        run.check_config()
        run.claim_directory()
    run.execute(observer)
    finish_outputs(run)
    return run
