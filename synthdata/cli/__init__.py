"""The command line: ``python -m synthdata`` and ``synthdata``."""

from synthdata.cli.main import main

__all__ = ["main"]
