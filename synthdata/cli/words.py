"""The words that a command line may begin with, and the codes that a command ends with."""

from __future__ import annotations

VERBOSE = ("-v", "--verbose")
HELP = ("help", "-h", "--help")
COMPLETION = ("-sc", "--shell-completion")
COMMANDS = (
    *("resume", "extend", "retry", "finalize", "verify", "remake"),
    *("report", "view", "diff", "export", "show", "map", "ps", "tune", "cache"),
)
EXIT_CODES = (
    "0 complete, 1 complete with failures or found at fault, 2 bad input, 3 could not start, "
    "4 failure budget spent, 5 out of disk or the storage or stdout refuses, 130 interrupted."
)
