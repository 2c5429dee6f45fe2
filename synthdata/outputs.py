"""What a run gets when it is complete: its card, the formats that its config lists, its report."""

from __future__ import annotations

from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.run import Run
from synthdata.run.lock import check_free, locked


def check_outputs(config: Config) -> None:
    """Raise ConfigError unless all that is to be written at the end can be."""
    if config.exports:
        from synthdata.exports.listed import listed

        listed(config)


def import_outputs(config: Config) -> None:
    """Import what ``finish_outputs`` needs, while this process waits for others."""
    import synthdata.card.write

    if config.report is not None:
        import synthdata.report.write  # noqa: F401


def finish_outputs(run: Run) -> None:
    """Write what belongs to a complete run beside its shards; nothing while parts are missing.

    Called by all who complete runs: ``generate`` and the commands.

    Raises
    ------
    ConfigError
        If a listed format cannot be made of this run after all.
    DiskFull, StorageError, Interrupted
        If the storage refuses or a signal came; the run is complete, and ``resume`` goes on.
    """
    if run.state.get("status") != "complete":
        return
    if run.config.report is not None:  # first: it never fails, and shows why the others do
        from synthdata.report.write import finish

        finish(run)
    from synthdata.card.write import write_card

    write_card(run)
    if run.config.exports or (run.path / "exports").is_dir():
        from synthdata.exports.listed import write_listed

        try:
            check_free(run.path)
        except ConfigError:  # the process of another part, which ended last, is at this very work
            return
        with locked(run.path):
            write_listed(run)
