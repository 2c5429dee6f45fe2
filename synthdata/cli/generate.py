"""``python -m synthdata key=value ...``: one run, or with ``-m`` a sweep, by Hydra."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from synthdata.cli.console import print_summary
from synthdata.cli.dot_hydra import NO_SUBDIR, checked_subdir, dot_hydra
from synthdata.cli.execute import config_of, execute
from synthdata.cli.sweep import Sweep, jobs_of, summarise, sweep_job, tell_codes
from synthdata.cli.words import COMMANDS
from synthdata.compose import conf_dir
from synthdata.config import Config
from synthdata.errors import ConfigError, SynthdataError, nearest, shown
from synthdata.refusals import CONFIG_NAME, config_error
from synthdata.run import Run
from synthdata.run.run import new_folder
from synthdata.run.shard import writing

MAX_POINTS = 10_000  # of a sweep along one range
RUN_DIR = "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}"  # as conf/config.yaml has it
SWEEP_DIR = f"{RUN_DIR}-sweep"


def generate(arguments: Sequence[str], ready: Callable[[], None]) -> int:
    """Make the run or runs that the arguments ask for; the exit code, the worst of a sweep.

    ``ready`` is called when all is composed, before anything is made.
    """
    from hydra._internal.utils import get_args_parser

    parser = get_args_parser()
    parser.error = _refuse
    flags, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise ConfigError(
            f"{unknown[0]}: no such option; options stand before overrides, see --help"
        )
    name = flags.config_name or CONFIG_NAME
    if flags.shell_completion:
        raise ConfigError("-sc: stands first: synthdata -sc install=bash")
    if flags.hydra_help:  # of what need not be whole
        return Application(flags.config_dir, name, typed=False).tell(flags)
    for override in flags.overrides:
        if override in COMMANDS:
            raise ConfigError(f"{override}: a command stands first: synthdata {override} ...")
        if "=" not in override and not override.startswith("~"):
            close = get_close_matches(override, COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "see --help for both"
            raise ConfigError(f"{override!r} is neither a command nor key=value; {hint}")
    for flag in ("config_path", "experimental_rerun"):
        if getattr(flags, flag):
            raise ConfigError(f"--{flag.replace('_', '-')}: is not for this program; see --help")
    application = Application(flags.config_dir, name)
    if flags.cfg:
        return application.show(flags)
    if flags.info is not None:
        return application.tell(flags)
    if flags.resolve or flags.package:
        raise ConfigError("--resolve and --package go with --cfg")
    if flags.multirun or application.asks_for_sweep(flags.overrides):
        ready()
        return application.sweep(flags.overrides)
    return application.run(flags.overrides, ready)


def _refuse(message: str) -> NoReturn:
    raise ConfigError(f"{message}; see --help")


class Application:
    """What ``hydra.main`` does, in two steps, so that nothing is made before all is checked."""

    def __init__(self, config_dir: str | None, config_name: str, typed: bool = True) -> None:
        from hydra import version
        from hydra._internal.hydra import Hydra
        from hydra._internal.utils import create_config_search_path
        from hydra.core.config_search_path import SearchPathQuery
        from hydra.core.global_hydra import GlobalHydra

        from synthdata.loader import Loader

        version.setbase("1.3")
        search_path = create_config_search_path(str(conf_dir()))
        if config_dir is not None:
            if not Path(config_dir).is_dir():
                raise ConfigError(f"--config-dir: {config_dir!r} is not a folder")
            folder = f"file://{Path(config_dir).resolve()}"
            search_path.prepend("command-line", folder, SearchPathQuery(provider="main"))
        self._name = config_name
        self._has_files = config_dir is not None
        self._hydra = Hydra("synthdata", Loader(search_path, Config.typed if typed else None))
        GlobalHydra.instance().initialize(self._hydra)
        self._codes: list[int] = []

    def show(self, flags: Any) -> int:
        """Print the composed config: Hydra's ``--cfg``."""
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode
        from omegaconf import OmegaConf

        cfg = self._compose(flags.overrides, RunMode.RUN)
        HydraConfig.instance().set_config(cfg)  # for ${hydra:...}
        whole = part = self._hydra.get_sanitized_cfg(cfg, flags.cfg)
        head = ""
        try:
            if flags.package not in (None, "_global_"):
                part = OmegaConf.select(whole, flags.package, default=whole)
                head = f"# @package {flags.package}\n"
            is_one = not OmegaConf.is_config(part)
            text = str(part) if is_one else head + OmegaConf.to_yaml(part, resolve=flags.resolve)
        except Exception as error:
            raise config_error(error) from error
        if head and part is whole:
            raise ConfigError(
                f"--package: {flags.package!r} is no key; {nearest(flags.package, whole)}"
            )
        print(text.rstrip("\n"))
        return 0

    def completed(self, line: str) -> list[str]:
        """The groups, options and keys that the last of the overrides in ``line`` may become."""
        from hydra._internal.core_plugins.bash_completion import BashCompletion

        found: list[str] = BashCompletion(self._hydra.config_loader)._query(self._name, line)
        return found

    def tell(self, flags: Any) -> int:
        """Hydra's other commands: what it tells of itself and of the config."""
        from hydra._internal.utils import get_args_parser

        sys.argv = ["synthdata"]  # as it tells how to type it
        try:
            if flags.hydra_help:
                flags.overrides = []
                self._hydra.hydra_help(self._name, get_args_parser(), flags)
            else:
                self._hydra.show_info(flags.info, self._name, flags.overrides)
        except Exception as error:
            raise config_error(error, self._hydra.config_loader, flags.overrides) from error
        return 0

    def asks_for_sweep(self, overrides: list[str]) -> bool:
        """Whether ``hydra.mode`` is MULTIRUN, in a file of the user's or among the overrides."""
        from hydra.types import RunMode

        if not self._has_files and not any("hydra.mode=" in each for each in overrides):
            return False
        cfg = self._compose(overrides, RunMode.MULTIRUN, validate_sweep_overrides=False)
        return bool(cfg.hydra.mode is RunMode.MULTIRUN)

    def run(self, overrides: list[str], ready: Callable[[], None]) -> int:
        from hydra._internal.callbacks import Callbacks
        from hydra.core.hydra_config import HydraConfig
        from hydra.core.utils import run_job
        from hydra.types import HydraContext, RunMode

        cfg = self._compose([*overrides, "hydra.mode=RUN"], RunMode.RUN)
        subdir, cfg.hydra.output_subdir = checked_subdir(cfg.hydra.output_subdir), None
        if any("${hydra:" in override for override in overrides):  # else not before the job
            HydraConfig.instance().set_config(cfg)
        try:
            folder = _folder("hydra.run.dir", cfg.hydra.run.dir)
        except Exception as error:
            raise config_error(error) from error
        run = Run(folder.absolute() if cfg.hydra.job.chdir else folder, config_of(cfg))
        is_default = _raw(cfg.hydra.run) == RUN_DIR
        try:
            callbacks = Callbacks(cfg)
        except Exception as error:
            cause = str(error).partition("\n")[0]
            raise ConfigError(f"hydra.callbacks: cannot be made: {cause}") from error
        if is_default:  # another run may have begun in this second
            run.check_config()
            ready()
            run.claim_directory()
            cfg.hydra.run.dir = str(run.path)
        else:
            run.check()
            ready()
            run.make_directory()
        errors: list[Exception] = []

        def job(task: Any) -> None:
            try:
                execute(run, dot_hydra(task, subdir))
                self._codes.append(print_summary(run))
            except SynthdataError as error:  # Hydra would print it too
                errors.append(error)

        callbacks.on_run_start(config=cfg, config_name=self._name)
        with writing(run.path):
            result = run_job(
                hydra_context=HydraContext(self._hydra.config_loader, callbacks),
                task_function=job,
                config=cfg,
                job_dir_key="hydra.run.dir",
                job_subdir_key=None,
            )
        callbacks.on_run_end(config=cfg, config_name=self._name, job_return=result)
        if errors:
            raise errors[0]
        _ = result.return_value  # raises what else the job raised
        return self._codes[0]

    def sweep(self, overrides: list[str]) -> int:
        from hydra.types import RunMode

        began = time.monotonic()
        overrides = [*overrides, "hydra.mode=MULTIRUN"]
        cfg = self._compose(overrides, RunMode.MULTIRUN)
        checked_subdir(cfg.hydra.output_subdir)
        if any(override.startswith("hydra.run.dir=") for override in overrides):
            raise ConfigError("hydra.run.dir: is of one run; a sweep is in hydra.sweep.dir")
        for name in ("launcher", "sweeper"):
            node = cfg.hydra.get(name)
            if not isinstance(node, Mapping) or "_target_" not in node:
                raise ConfigError(
                    f"hydra.{name}: {shown(node)} makes no sweep; hydra/{name}=basic is the one "
                    "that is always there"
                )
        is_default = _raw(cfg.hydra.sweep) == SWEEP_DIR
        points = self._checked_points(cfg, is_default)
        job = partial(sweep_job, subdir=cfg.hydra.output_subdir, sweep=Sweep.of(points))
        overrides.append(NO_SUBDIR)
        try:
            with contextlib.ExitStack() as stack:
                if is_default:  # as with a run
                    folder = stack.enter_context(_claimed(Path(cfg.hydra.sweep.dir)))
                    overrides.append(f"hydra.sweep.dir={folder}")
                made = self._hydra.multirun(self._name, job, overrides)
        except SynthdataError:
            raise
        except OSError as error:
            raise ConfigError(f"hydra.sweep.dir: {error.filename!r}: {error.strerror}") from error
        except Exception as error:
            raise config_error(error, self._hydra.config_loader) from error
        jobs = list(jobs_of(made))
        if not cfg.hydra.launcher._target_.endswith("BasicLauncher"):  # whose jobs have told it
            tell_codes(jobs)
        if jobs:
            summarise(jobs, time.monotonic() - began)
        return max((int(job.return_value) for job in jobs), default=0)

    def _checked_points(self, cfg: Any, is_new: bool) -> Sequence[Sequence[str]]:
        """The points of a sweep, as far as they are known before it; checked.

        So are their directories, unless the sweep gets a new one.
        """
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from omegaconf import OmegaConf

        if not cfg.hydra.sweeper._target_.endswith("BasicSweeper"):
            return []
        parser = OverridesParser.create(config_loader=self._hydra.config_loader)
        try:
            params = cfg.hydra.sweeper.params or {}
            swept = [f"{key}={values}" for key, values in params.items()]
            task: Any = OmegaConf.to_container(cfg.hydra.overrides.task, resolve=False)
            parsed = parser.parse_overrides([*swept, *task])
            for override in parsed:
                if override.is_range_sweep():
                    _check_range(override)
            points: list[list[str]] = BasicSweeper.split_arguments(parsed, None)[0]
        except Exception as error:
            raise config_error(error, self._hydra.config_loader) from error
        if not points:
            raise ConfigError("-m: the sweep has no points; one of its lists or ranges is empty")
        for number, point in enumerate(points):
            run = self._point(cfg, number, list(point))
            if not is_new:
                run.check_directory()
        return points

    def _point(self, cfg: Any, number: int, overrides: list[str]) -> Run:
        """One run of a sweep, as Hydra's launchers find its config and its directory."""
        from hydra.core.hydra_config import HydraConfig

        loader = self._hydra.config_loader
        try:
            point = loader.load_sweep_config(cfg, overrides)
            point.hydra.job.id = point.hydra.job.num = number
            HydraConfig.instance().set_config(point)  # for ${hydra:...}
            folder = _folder("hydra.sweep.dir", point.hydra.sweep.dir)
            folder /= str(point.hydra.sweep.subdir)
        except Exception as error:
            raise config_error(error, loader, overrides) from error
        return Run(folder, config_of(point))

    def _compose(self, overrides: list[str], mode: Any, **named: bool) -> Any:
        try:
            return self._hydra.compose_config(self._name, overrides, run_mode=mode, **named)
        except Exception as error:
            raise config_error(error, self._hydra.config_loader, overrides) from error


def _raw(node: Any) -> Any:
    """The directory of a run or sweep as the config has it, before ``now`` is told."""
    from omegaconf import OmegaConf

    raw: Any = OmegaConf.to_container(node, resolve=False)
    return raw["dir"]


def _folder(key: str, name: str) -> Path:
    if not name:  # of a variable of the shell that is not set
        raise ConfigError(f"{key}: '' is no folder; . is the current one")
    return Path(name)


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[Path]:
    """A ``new_folder``, which is gone again if the block fails before anything is in it."""
    folder = new_folder(folder)
    try:
        yield folder
    except BaseException:
        with contextlib.suppress(OSError):
            os.removedirs(folder)
        raise


def _check_range(override: Any) -> None:
    """Raise ConfigError for a range that Hydra cannot count to or would fill the memory with."""
    values = override.value()
    count = (values.stop - values.start) / values.step if values.step else math.inf
    if count > MAX_POINTS:
        raise ConfigError(
            f"{override.input_line}: a sweep takes ranges of at most {MAX_POINTS} values, with a "
            "step that is not 0"
        )
