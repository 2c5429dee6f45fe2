"""``python -m synthdata key=value ...``: one run, or with ``-m`` a sweep, by Hydra."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from synthdata.cli.console import Console, resumable
from synthdata.compose import CONFIG_NAME, conf_dir, config_error, listed, plain, replacing
from synthdata.config import Config
from synthdata.errors import ConfigError, Interrupted, SynthdataError
from synthdata.run import Run
from synthdata.run.shard import writing


def generate(arguments: Sequence[str]) -> int:
    """Make the run or runs that the arguments ask for; the exit code, the worst of a sweep."""
    from hydra._internal.utils import get_args_parser

    arguments = replacing(arguments)
    parser = get_args_parser()
    flags, unknown = parser.parse_known_args(arguments)
    if unknown:
        raise ConfigError(
            f"{unknown[0]}: no such option; options stand before overrides, see --help"
        )
    if flags.cfg or flags.info is not None or flags.shell_completion or flags.hydra_help:
        return _hydra_command(arguments)
    for override in flags.overrides:
        if "=" not in override and not override.startswith("~"):
            raise ConfigError(
                f"{override!r} is neither a command nor key=value; see --help for both"
            )
    application = _Application(flags.config_dir, flags.config_name or CONFIG_NAME)
    if flags.multirun:
        return application.sweep(flags.overrides)
    return application.run(flags.overrides)


def _hydra_command(arguments: Sequence[str]) -> int:
    """Hydra's own commands: show the config, install tab completion, and so on."""
    import hydra

    sys.argv = ["synthdata", *arguments]
    if "COMP_LINE" in os.environ:  # to be completed: Hydra knows no commands and no RUN
        program, *words = os.environ["COMP_LINE"].split(" ")
        told = [word for word in words[:-1] if "=" in word]
        os.environ["COMP_LINE"] = " ".join([program, *told, *words[-1:]])
    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=CONFIG_NAME)(_no_job)()
    return 0


def _no_job(config: Any) -> None:
    raise AssertionError("Hydra's own commands run no job")


class _Application:
    """What ``hydra.main`` does, in two steps, so that nothing is made before all is checked."""

    def __init__(self, config_dir: str | None, config_name: str) -> None:
        from hydra import version
        from hydra._internal.hydra import Hydra
        from hydra._internal.utils import create_config_search_path
        from hydra.core.config_search_path import SearchPathQuery

        version.setbase("1.3")
        search_path = create_config_search_path(str(conf_dir()))
        if config_dir is not None:
            if not Path(config_dir).is_dir():
                raise ConfigError(f"--config-dir: {config_dir!r} is not a folder")
            folder = f"file://{Path(config_dir).resolve()}"
            search_path.prepend("command-line", folder, SearchPathQuery(provider="main"))
        self._name = config_name
        self._hydra = Hydra.create_main_hydra2("synthdata", search_path)
        self._codes: list[int] = []

    def run(self, overrides: list[str]) -> int:
        from hydra._internal.callbacks import Callbacks
        from hydra.core.utils import run_job
        from hydra.types import HydraContext, RunMode

        cfg = self._compose(overrides, RunMode.RUN)
        cfg.hydra.mode = RunMode.RUN
        folder = Path(cfg.hydra.run.dir)
        run = Run(folder.absolute() if cfg.hydra.job.chdir else folder, _config(cfg))
        run.check()
        run.make_directory()
        callbacks = Callbacks(cfg)
        errors: list[Exception] = []

        def job(_: Any) -> None:
            try:
                self._codes.append(_execute(run))
            except (SynthdataError, BrokenPipeError) as error:  # Hydra would print it too
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

        cfg = self._compose(overrides, RunMode.MULTIRUN)
        self._check_points(cfg)
        try:
            made = self._hydra.multirun(self._name, _sweep_job, overrides)
        except SynthdataError:
            raise
        except Exception as error:
            raise config_error(error, self._hydra.config_loader) from error
        _write_index(made)
        return max(_codes(made), default=0)

    def _check_points(self, cfg: Any) -> None:
        """Compose and check every point of a sweep before the first one runs."""
        from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
        from hydra.core.override_parser.overrides_parser import OverridesParser
        from hydra.types import RunMode

        if not cfg.hydra.sweeper._target_.endswith("BasicSweeper"):
            return
        parser = OverridesParser.create(config_loader=self._hydra.config_loader)
        parsed = parser.parse_overrides(list(cfg.hydra.overrides.task))
        for point in BasicSweeper.split_arguments(parsed, None)[0]:
            _config(self._compose(point, RunMode.RUN))

    def _compose(self, overrides: list[str], mode: Any) -> Any:
        try:
            return self._hydra.compose_config(self._name, overrides, run_mode=mode)
        except Exception as error:
            raise config_error(error, self._hydra.config_loader, overrides) from error


def _sweep_job(cfg: Any) -> int:
    """One run of a sweep, here or wherever Hydra's launcher takes it; its exit code."""
    from hydra.core.hydra_config import HydraConfig

    run = Run(HydraConfig.get().runtime.output_dir, _config(cfg))
    try:
        code = _execute(run)
    except SynthdataError as error:
        print(f"synthdata: {error}", file=sys.stderr)
        code = error.exit_code
    if code == Interrupted.exit_code:
        raise KeyboardInterrupt
    return code


def _write_index(made: Any) -> None:
    """Write the index page of a sweep, where Hydra's sweeper says that it is."""
    from synthdata.report.sweep import is_sweep, write_index

    while isinstance(made, Sequence) and made:
        made = made[0]
    try:
        folder = Path(made.hydra_cfg.hydra.sweep.dir)
        if is_sweep(folder):
            print(f"sweep {write_index(folder, listed(plain(made.cfg)))}")
    except Exception as error:  # the runs are whole
        print(f"synthdata: no index page was written: {error}", file=sys.stderr)


def _codes(made: Any) -> Iterator[int]:
    """The exit codes of a sweep's runs, from what Hydra's sweeper returns: lists of lists."""
    if isinstance(made, Sequence):
        for part in made:
            yield from _codes(part)
    elif made is not None:
        yield int(made.return_value)


def _config(cfg: Any) -> Config:
    """The checked config of a composed one."""
    node = plain(cfg)
    plugins = listed(node)
    if plugins and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python -m` does: a plugin lies in the current folder
    return Config.from_mapping(node, plugins)


def _execute(run: Run) -> int:
    with Console() as console:
        with resumable(run):
            run.execute(console)
        from synthdata.report import finish  # not before: it would hold up the first image

        finish(run)
    return console.summary(run)
