"""From the command line to the command, and from errors to sentences and exit codes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence

from synthdata.cli.here import has_modules_of_users
from synthdata.cli.streams import guarded
from synthdata.cli.words import COMMANDS, COMPLETION, HELP, VERBOSE
from synthdata.errors import ConfigError, Interrupted, SynthdataError
from synthdata.run.stop import interrupt_once
from synthdata.runtime.collector import collect_less


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the process's exit code, one of ``EXIT_CODES``."""
    if argv is not None:
        return _answer(list(argv))
    collect_less()
    for number in (signal.SIGINT, signal.SIGTERM):  # this process ends with the command
        signal.signal(number, interrupt_once)
    os.environ["MPLBACKEND"] = "agg"  # matplotlib is not imported with one that it does not know
    try:
        code = guarded(lambda: _answer(sys.argv[1:]))
        if code == Interrupted.exit_code:  # whatever comes now: Python's own end resets handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)
        return code
    finally:
        # Python ends without going through all of them in search of cycles, unless files or others
        # that have to be closed may be in these.
        if not has_modules_of_users():
            gc.freeze()


def _answer(arguments: list[str]) -> int:
    verbose = any(a in VERBOSE for a in arguments)
    arguments = [a for a in arguments if a not in VERBOSE]
    try:
        return _dispatch(arguments)
    except SynthdataError as error:
        if verbose:
            traceback.print_exc()
        print(f"synthdata: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("synthdata: interrupted", file=sys.stderr)
        return 130


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else ""
    if first in COMPLETION:
        from synthdata.cli.completion import answer

        return answer(arguments[1:])
    if first in HELP or (first not in COMMANDS and any(a in HELP[1:] for a in arguments)):
        from synthdata.cli.help import print_help

        return print_help([a for a in arguments if a not in HELP])
    if first == "--version":
        from synthdata._version import __version__

        print(f"synthdata {__version__}")
        return 0
    try:
        os.getcwd()
    except FileNotFoundError:
        raise ConfigError("the current folder is gone; go to one that is there") from None
    if first in COMMANDS:
        from synthdata.cli import commands

        command: Callable[[Sequence[str]], int] = getattr(commands, first)
        return command(arguments[1:])
    from synthdata.cli.warm import workers_for

    with workers_for(arguments) as ready:
        from synthdata.cli.generate import generate

        return generate(arguments, ready)
