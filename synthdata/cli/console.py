"""What a person sees of a run: progress while it goes on, a summary at the end."""

from __future__ import annotations

import logging
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from synthdata.errors import BudgetSpent, Interrupted, StartError, StorageError
from synthdata.outputs import import_outputs
from synthdata.run import Ledger, Run
from synthdata.run.ledger import FAILURES
from synthdata.runtime.log import LOGGER

SHOWN = 8  # workers in a summary; run.json has more


@contextmanager
def resumable(run: Run) -> Iterator[None]:
    """Add to an early end of ``run`` how to go on."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise Interrupted(f"interrupted{_to_go_on(run)}") from error
    except BudgetSpent as error:
        how = "to go on, with the limit raised as in failures.max_rate=0.5"
        raise BudgetSpent(f"{error}{_to_go_on(run, how)}") from error
    except (Interrupted, StartError, StorageError) as error:
        raise type(error)(f"{error}{_to_go_on(run)}") from error


def _to_go_on(run: Run, how: str = "to go on") -> str:
    """Further lines; none where nothing has begun."""
    if not run.has_begun:
        return ""
    part = f" shards={run.part}" if run.part else ""
    failures = run.path / FAILURES
    seen = f"what failed is in {typed(failures)}\n" if failures.exists() else ""
    whole = "" if run.state.get("made") == 0 else "finished shards are whole; "
    return f"\n{seen}{whole}{how}: {_command('resume', run)}{part}"


def _command(name: str, run: Run) -> str:
    """A command on a run, as it can be typed into a shell."""
    plugins = f"plugins=[{','.join(run.config.plugins)}]" if run.config.plugins else ""
    quoted = f" {shlex.quote(plugins)}" if plugins else ""
    return f"python -m synthdata {name} {typed(run.path)}{quoted}"


def typed(path: Path) -> str:
    """A path as it can be typed into a shell, and is no option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") or "=" in text else text)


class Console:
    """Shows how a run goes on: on a terminal its progress, elsewhere warnings only.

    ``label`` stands before its progress.
    """

    def __init__(self, run: Run, label: str = "") -> None:
        self._run, self._label = run, label
        self._live = sys.stderr.isatty()
        self._bar: Any = None
        self._handler: logging.Handler = logging.NullHandler()

    def __enter__(self) -> Console:
        if self._live:
            from rich.console import Console as Rich
            from rich.logging import RichHandler

            self._rich = Rich(stderr=True)
            self._handler = RichHandler(console=self._rich, show_path=False, level=logging.WARNING)
        else:
            self._handler = logging.StreamHandler(sys.stderr)
            self._handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
            self._handler.setLevel(logging.WARNING)
        LOGGER.addHandler(self._handler)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        LOGGER.removeHandler(self._handler)

    def progress(self, ledger: Ledger, begun: int, total: int) -> None:
        """As ``synthdata.run.Observer``."""
        import_outputs(self._run.config)
        if not self._live:
            return
        if self._bar is None:
            self._start(ledger, total)
        done = min(ledger.made + ledger.failed + begun, total)
        failed = f"{ledger.failed:,} failed" if ledger.failed else ""
        rate = f"{(done - self._before) / (time.monotonic() - self._began):,.0f}/s"
        self._bar.update(self._task, completed=done, total=total, rate=rate, failed=failed)

    def _start(self, ledger: Ledger, total: int) -> None:
        from rich import progress

        label = [progress.TextColumn("{task.description}", markup=False)] if self._label else []
        self._bar = progress.Progress(
            *label,
            progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f} images"),
            progress.BarColumn(),
            progress.TaskProgressColumn(),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("[red]{task.fields[failed]}"),
            console=self._rich,
            transient=True,
        )
        self._before, self._began = ledger.made + ledger.failed, time.monotonic()
        self._task = self._bar.add_task(
            self._label, total=total, completed=self._before, rate="", failed=""
        )
        self._bar.start()


def print_summary(run: Run) -> int:
    """Print how a finished run went; its ``exit_code``."""
    state = run.state
    if run.was_complete:
        print(f"{typed(run.path)}: {_nothing_to_make(run, state)}")
    else:
        rows = _rows(run, state) if "made" in state else _part_rows(run, state)
        print_table(str(run.path), list(rows))
    return exit_code(run)


def exit_code(run: Run) -> int:
    """0 for a run, or a part of one, that is done; 1 when samples of it failed."""
    state = run.state
    failed: bool = state["failed"] > 0 if "failed" in state else _has_failures(run)
    return 1 if failed else 0


def print_table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print rows of (name, value): a table under its title on a terminal, else lines."""
    if sys.stdout.isatty():
        from rich.console import Console as Rich
        from rich.table import Table

        table = Table(show_header=False, title=title, title_justify="left")
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for row in rows:
            table.add_row(*row)
        Rich().print(table)
    else:
        width = max(len(name) for name, _ in rows)
        for name, value in rows:
            print(f"{name:<{width}} {value}")


def outcome(run: Run) -> str:
    """How a run of a sweep went, in a few words."""
    state = run.state
    if "made" not in state:
        return f"part {run.part} done"
    images = counted(state["made"], "image", "images")
    taken = ", which were there" if run.was_complete else f" in {state['elapsed_s']:.1f} s"
    failed = f", {state['failed']:,} failed" if state["failed"] else ""
    partial = "" if state["status"] == "complete" else f", {state['status']}"
    return f"{images}{taken}{failed}{partial}"


def _nothing_to_make(run: Run, state: dict[str, Any]) -> str:
    failed = ""
    if state["failed"]:
        failed = f", {state['failed']:,} failed, see {typed(run.path / FAILURES)}"
    return (
        f"nothing to make: complete since {state['ended']}, "
        f"{counted(state['made'], 'image', 'images')}{failed}, digest {state['digest']}"
    )


def _has_failures(run: Run) -> bool:
    return (run.path / FAILURES).exists()


def counted(n: int, one: str, many: str) -> str:
    """So many things, in words."""
    return f"{n:,} {one if n == 1 else many}"


def _replies(asked: float, counts: dict[str, Any]) -> str:
    """How it went with what labels asked models."""
    told = {name: counts.get(name, 0) for name in ("kept", "hits", "calls", "failed")}
    share = (told["kept"] + told["hits"]) / asked
    waited = counts.get("waited_s", 0.0)
    return (
        f"{asked:,.0f} asked, {share:.0%} known already, {told['calls']:,.0f} calls, "
        f"{told['failed']:,.0f} failed, waited {waited:,.1f} s for limits"
    )


def _part_rows(run: Run, state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Of a run whose other parts are not finished."""
    finished = len(run.config.store.finished(run.path))
    yield "part", f"{run.part} done; {finished:,} of {run.plan.shard_count:,} shards are there"
    yield "failed", f"see {run.path / FAILURES}" if _has_failures(run) else "0"
    yield "where", str(run.path)
    yield "next", "the part that ends last completes the run"


def _rows(run: Run, state: dict[str, Any]) -> Iterator[tuple[str, str]]:
    elapsed = state["elapsed_s"]
    rate = ""
    if elapsed:
        processes = counted(state["processes"], "process", "processes")
        rate = f", {state['made'] / elapsed:,.0f}/s with {processes}"
    yield "images", f"{state['made']:,} of {state['n']:,} in {elapsed:.1f} s{rate}"
    for axis, values in state.get("axes", {}).items():
        failed = sum(counts["failed"] > 0 for counts in values.values())
        yield axis, f"{counted(len(values), 'value', 'values')}, {failed:,} with failures"
    yield (
        "failed",
        f"{state['failed']:,}" + (f", see {run.path / FAILURES}" if state["failed"] else ""),
    )
    yield "size", f"{state['bytes'] / 1e6:,.1f} MB"
    spent = sum(state["seconds"].values()) or 1.0
    yield "time in", ", ".join(f"{k} {v / spent:.0%}" for k, v in state["seconds"].items())
    insights = state.get("insights", {})
    if insights.get("slowest"):
        times = (f"{s['index']} ({s['seconds'] * 1e3:,.1f} ms)" for s in insights["slowest"])
        yield "slowest", ", ".join(times)
    for row in insights.get("workers", [])[:SHOWN]:
        times = (f"{k} {row[k]:.2f} s" for k in row if k not in ("host", "pid", "shards"))
        yield (
            f"worker {row['pid']}",
            f"{counted(row['shards'], 'shard', 'shards')}: {', '.join(times)}",
        )
    if len(insights.get("workers", ())) > 1:
        yield "efficiency", f"{insights['efficiency']:.0%} of the workers' time was work"
    if asked := state.get("services", {}).get("asked"):
        yield "replies", _replies(asked, state["services"])
    if "digest" in state:
        yield "digest", state["digest"]
    yield "where", str(run.path)
    if (run.path / "report.html").exists():
        yield "report", str(run.path / "report.html")
    whole = "retry" if state["failed"] else "verify"
    yield "next", _command(whole if "digest" in state else "resume", run)  # the other cells
