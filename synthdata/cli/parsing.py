"""How the commands read their arguments."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import yaml

from synthdata.errors import ConfigError


def parser_of(
    name: str, command: Callable[..., int], run: bool = False, overrides: bool = False
) -> argparse.ArgumentParser:
    parser = _Parser(prog=f"python -m synthdata {name}", description=command.__doc__)
    if run:
        parser.add_argument("run", metavar="RUN", help="a run directory")
    if overrides:
        parser.add_argument("overrides", nargs="*", default=[], metavar="key=value")
    return parser


def explain(
    parser: argparse.ArgumentParser, arguments: Sequence[str], lines: Callable[[], Iterable[str]]
) -> None:
    """Put lines at the end of a parser's help, if that is what the arguments ask for."""
    if {"-h", "--help"} & {*arguments}:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.epilog = "\n".join(lines())


class _Parser(argparse.ArgumentParser):
    def parse_args(self, *arguments: Any) -> Any:  # type: ignore[override]
        """Options and overrides in any order."""
        return self.parse_intermixed_args(*arguments)

    def error(self, message: str) -> Any:
        command = self.prog.rpartition(" ")[2]
        if "are required" in message:
            message += f"; see --help {command}"
        raise ConfigError(f"{command}: {message}")


def assignment(override: str) -> tuple[str, Any]:
    """The key and the value of ``key=value``."""
    key, equals, text = override.partition("=")
    if not equals:
        raise ConfigError(f"{override!r} is not key=value")
    return key, value_of(key, text)


def value_of(key: str, text: str) -> Any:
    """The value that a text stands for, as YAML."""
    if text.startswith("{"):  # as Hydra reads it, {train:0.8} is a mapping too
        text = re.sub(r"([{,]\s*[\w.-]+):(?=\S)", r"\1: ", text)
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        raise ConfigError(f"{key}: {text[:80]!r} cannot be read") from None
