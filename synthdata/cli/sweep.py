"""A sweep: its jobs, and what is told of them."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from synthdata.cli.console import exit_code, outcome, print_summary, print_table
from synthdata.cli.dot_hydra import dot_hydra
from synthdata.cli.execute import config_of, execute
from synthdata.compose import listed, plain
from synthdata.errors import Interrupted, SynthdataError
from synthdata.run import Run
from synthdata.run.run import RUN


def _here() -> tuple[str, int]:
    """Which process this is."""
    return socket.gethostname(), os.getpid()


class Sweep(NamedTuple):
    """What a job knows of the sweep that it is one of."""

    process: tuple[str, int]  # that of the sweeper
    jobs: int  # how many; 0 where it is not known
    common: frozenset[str]  # overrides that all jobs have
    width: int  # of the longest label

    @classmethod
    def of(cls, points: Sequence[Sequence[str]]) -> Sweep:
        common = frozenset(set(points[0]).intersection(*points[1:]) if len(points) > 1 else ())
        sweep = cls(_here(), len(points), common, 0)
        return sweep._replace(width=max((len(sweep.label(point)) for point in points), default=0))

    def label(self, overrides: Iterable[str]) -> str:
        """The overrides in which a job differs from the others."""
        return " ".join(o for o in overrides if o not in self.common)


def sweep_job(cfg: Any, subdir: str | None, sweep: Sweep) -> int:
    """One run of a sweep, here or wherever Hydra's launcher takes it; its exit code.

    Where the sweeper is, each is one line. An interrupted one ends the sweep there.
    """
    from hydra.core.hydra_config import HydraConfig

    hydra = HydraConfig.get()
    run = Run(hydra.runtime.output_dir, config_of(cfg))
    notes, label = dot_hydra(cfg, subdir), sweep.label(hydra.overrides.task)
    is_here = _here() == sweep.process
    place = f"{hydra.job.num + 1} of {sweep.jobs}" if sweep.jobs else f"{hydra.job.num}"
    try:
        execute(run, notes, f"{place}  {label}")
        code, told = exit_code(run), outcome(run)
        if not is_here:
            return print_summary(run)
    except SynthdataError as error:
        print(f"synthdata: {label}: {error}" if label else f"synthdata: {error}", file=sys.stderr)
        code, told = error.exit_code, f"stopped, exit code {error.exit_code}"
        with contextlib.suppress(OSError):  # Hydra has made it; nothing has begun in it
            run.path.rmdir()
    if is_here:
        folder = _subdir(cfg, HydraConfig.instance().cfg).ljust(len(str(sweep.jobs)))
        print(f"{folder}  {label:<{sweep.width}}  {told}", flush=True)
        if code == Interrupted.exit_code:
            raise KeyboardInterrupt
    return code


def _subdir(cfg: Any, hydra_cfg: Any) -> str:
    """A job's directory in that of its sweep, which may be named by keys of its config."""
    from omegaconf import OmegaConf

    nodes: list[Any] = [OmegaConf.to_container(each, resolve=False) for each in (cfg, hydra_cfg)]
    return str(OmegaConf.create(nodes[0] | nodes[1]).hydra.sweep.subdir)


def summarise(jobs: Sequence[Any], seconds: float) -> None:
    """Print how a sweep went, and write its index page, where Hydra's sweeper says that it is."""
    from synthdata.report.sweep import is_sweep, read_json, write_index
    from synthdata.report.write import REPORT

    hydra = jobs[0].hydra_cfg.hydra  # its sweep.dir would tell the time of now, not of the start
    folder = Path(hydra.runtime.output_dir)
    for _ in Path(_subdir(jobs[0].cfg, jobs[0].hydra_cfg)).parts:
        folder = folder.parent
    folder = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    folders = dict.fromkeys(job.hydra_cfg.hydra.runtime.output_dir for job in jobs)
    states = [read_json(Path(each) / RUN) for each in folders]
    complete = sum(job.return_value in (0, 1) for job in jobs)
    rows = [
        ("runs", f"{complete:,} of {len(jobs):,} complete"),
        ("images", f"{sum(state.get('made', 0) for state in states):,} in {seconds:.1f} s"),
        ("failed", f"{sum(state.get('failed', 0) for state in states):,}"),
        ("where", str(folder)),
    ]
    try:
        if is_sweep(folder):
            rows.append(("report", str(write_index(folder, listed(plain(jobs[0].cfg))))))
        elif (folder / REPORT).exists():  # all were parts of one run
            rows.append(("report", str(folder / REPORT)))
    except Exception as error:  # the runs are whole
        print(f"synthdata: no index page was written: {error}", file=sys.stderr)
    print_table(str(folder), rows)


def tell_codes(jobs: Sequence[Any]) -> None:
    """Say on stderr which runs of a sweep did not end well, that said why somewhere else."""
    sweep = Sweep.of([job.overrides for job in jobs])
    for job in jobs:
        if job.return_value:
            point = sweep.label(job.overrides)
            print(f"synthdata: {point}: exit code {job.return_value}", file=sys.stderr)


def jobs_of(made: Any) -> Iterator[Any]:
    """The runs of a sweep, from what Hydra's sweeper returns: lists of lists."""
    if isinstance(made, Sequence):
        for part in made:
            yield from jobs_of(part)
    elif made is not None:
        yield made
