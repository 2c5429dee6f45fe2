"""What Hydra writes of a job into ``.hydra/``, for the run to write once the directory is its own.

Hydra writes it before the job begins, which would change a directory that the run is refused.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthdata.errors import ConfigError

#: The override that keeps Hydra from writing it.
NO_SUBDIR = "hydra.output_subdir=null"


#: Names in a run directory that are its own.
_TAKEN = (
    *("config.yaml", "run.json", "stats.json", "failures.jsonl", "report.html", "synthdata.log"),
    *("dataset", "exports", "ledger", "replies", ".lock", ".processes", ".staging"),
)


def checked_subdir(subdir: str | None) -> str | None:
    """``hydra.output_subdir``; ConfigError if that is no folder of its own in the run directory."""
    parts = Path(subdir or ".hydra").parts
    if not parts or ".." in parts or Path(*parts).is_absolute() or parts[0] in _TAKEN:
        raise ConfigError(
            f"hydra.output_subdir: {subdir!r} is not a folder of its own in the run directory; "
            ".hydra will do, or null for none"
        )
    return subdir


def dot_hydra(task: Any, subdir: str | None) -> Mapping[str, str]:
    """The files of the job that runs now, as texts by their names below its directory.

    ``task`` is the config without Hydra's part, ``subdir`` what ``hydra.output_subdir`` was before
    ``NO_SUBDIR``: None for no files.
    """
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf, read_write

    if subdir is None:
        return {}
    cfg: Any = copy.deepcopy(HydraConfig.instance().cfg)
    with read_write(cfg.hydra):
        cfg.hydra.output_subdir = subdir
        given: Any = OmegaConf.to_container(cfg.hydra.overrides.hydra, resolve=False)
        cfg.hydra.overrides.hydra = [each for each in given if each != NO_SUBDIR]
    files = {"config": task, "hydra": cfg, "overrides": cfg.hydra.overrides.task}
    return {f"{subdir}/{name}.yaml": OmegaConf.to_yaml(node) for name, node in files.items()}
