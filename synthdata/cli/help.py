"""``--help``: the commands, the config groups and every key, as the YAML files have them."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from synthdata._version import __version__
from synthdata.cli.conf import Conf, Group, Key, read_option, read_title
from synthdata.cli.words import COMMANDS, EXIT_CODES
from synthdata.errors import ConfigError, nearest

WIDTH = 100  # columns, on any terminal that has them
_ARGUMENTS = {
    "resume": "RUN [engine.workers=8]",
    "extend": "RUN n=20000",
    "retry": "RUN",
    "finalize": "RUN",
    "verify": "RUN [-k 16]",
    "remake": "RUN INDEX [-o FOLDER]",
    "report": "RUN [samples=1000]",
    "view": "RUN [--port 8000] [--open]",
    "diff": "RUN_A RUN_B [--json]",
    "export": "RUN FORMAT [-o TARGET] [key=value ...]",
    "map": "RUN fn=NAME axis=NAME [key=value ...]",
    "ps": "RUN [--json]",
    "tune": "space=lines [key=value ...]",
    "show": "[key=value ...] [-o sheet.png] [-k 16]",
    "cache": "show | export FILE | import FILE",
}
OPTIONS = (
    ("-m", "a sweep: with key=a,b one run directory for each combination"),
    ("--config-dir DIR", "config groups of your own, searched first"),
    ("-v", "show the traceback of an error too"),
    ("--version", "print the version"),
    (
        "--help [TOPIC]",
        "this; TOPIC is a command, a group, group=option or a key: --help primitives=lines",
    ),
)
_HINTS = (
    'Tab completion for the command "synthdata": eval "$(synthdata -sc install=bash)" in bash, '
    "the same with install=zsh in zsh, and synthdata -sc install=fish | source in fish.",
    "Where a default is {dist: ...} any distribution will do: a number stands for itself, a list "
    "for an equal choice, and key.low=2 changes one parameter.",
)

#: A line to print: pieces of text and the style of each.
Line = tuple[tuple[str, str], ...]


def print_help(arguments: Sequence[str]) -> int:
    """Print the overview, or what the arguments ask about; the exit code.

    Raises
    ------
    ConfigError
        If there is no such group, option or key.
    """
    config_dir, topics = _split(arguments)
    conf = Conf(config_dir)
    if topics:
        keys = [*conf.main_keys(), *conf.option_keys()]
        lines = [line for topic in topics for line in (*_topic(conf, keys, topic), ())]
        lines.pop()
    else:
        lines = list(_overview(conf))
    _print(lines)
    return 0


def _split(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The config folder and the topics among the arguments."""
    config_dir, topics = None, []
    queue = list(arguments)
    while queue:
        flag, equals, value = queue.pop(0).partition("=")
        if flag in ("--config-dir", "-cd"):
            if not equals and not queue:
                raise ConfigError(f"{flag}: give the folder with your config groups")
            config_dir = value if equals else queue.pop(0)
        elif not flag.startswith("-"):
            topics.append(f"{flag}{equals}{value}")
    return config_dir, topics


def _topic(conf: Conf, keys: Sequence[Key], topic: str) -> Iterator[Line]:
    """All there is to say about a command, a group, an option of it, or a key."""
    groups = conf.groups()
    if topic in COMMANDS:
        yield from (((line, ""),) for line in command_page(topic).splitlines())
        if topic not in groups and not any(f"{k.name}.".startswith(f"{topic}.") for k in keys):
            return
        yield ()
    separator = "=" if "=" in topic else "/"
    name, separator, rest = topic.partition(separator)
    if name in groups and separator:
        chosen = [option.strip() for option in rest.strip("[]").split(",")]
        for position, option in enumerate(chosen):
            if position:
                yield ()
            yield from _option_page(groups[name], option)
        return
    if name in groups:
        yield from _group_page(groups[name])
        return
    wanted = name
    while wanted:
        if found := [k for k in keys if k.name == wanted or k.name.startswith(f"{wanted}.")]:
            yield from _table(found)
            return
        wanted = wanted.rpartition(".")[0]
    for group in groups.values():
        if name in group.files:
            raise ConfigError(f"{topic}: no such command, group or key; try {group.name}={name}")
    from synthdata.exports.formats import FORMATS

    if name in FORMATS:
        raise ConfigError(f"{topic}: no such command, group or key; try --help export")
    hint = nearest(name, [*COMMANDS, *groups, *(k.name for k in keys)])
    if hint.startswith("known"):  # that would be all the keys there are
        hint = nearest("", groups)
    raise ConfigError(f"{topic}: no such command, group or key; {hint}")


def command_page(name: str) -> str:
    """What ``synthdata COMMAND --help`` prints."""
    from synthdata.cli import commands

    with contextlib.redirect_stdout(io.StringIO()) as said, contextlib.suppress(SystemExit):
        getattr(commands, name)(["--help"])
    return said.getvalue()


def _option_page(group: Group, name: str) -> Iterator[Line]:
    option = read_option(group, name)
    yield ((f"{group.name}={name}", "bold"), (f"  {option.title}" if option.title else "", ""))
    if not option.keys:
        yield (("  it has no keys", ""),)
        return
    yield ((f"  keys are typed as {option.prefix}{option.keys[0].name}=...", "dim"),)
    yield from _table(option.keys)


def _group_page(group: Group) -> Iterator[Line]:
    default = f"  [{group.default.strip('[]')}]" if group.default.strip("[]") else ""
    yield ((group.name, "bold"), (default, "green"), (f"  {group.comment}", ""))
    yield from _table((name, read_title(path)) for name, path in group.files.items())


def _overview(conf: Conf) -> Iterator[Line]:
    import synthdata
    from synthdata.cli import commands

    summary = (synthdata.__doc__ or "").partition("\n")[0]
    yield ((f"synthdata {__version__}", "bold"), (f"  {summary}", ""))
    yield ()
    yield _heading("Usage", "(synthdata is the same as python -m synthdata)")
    yield from _table(
        [
            ("synthdata [key=value ...]", "Make a run directory."),
            *(
                (f"synthdata {name} {_ARGUMENTS.get(name, '')}", _sentence(getattr(commands, name)))
                for name in COMMANDS
            ),
        ]
    )
    yield ()
    yield _heading("Options")
    yield from _table(OPTIONS)
    yield ()
    yield _heading("Groups", "chosen by group=option, or group=[a,b] where the default is a list")
    for group in conf.groups().values():
        yield from ((("  ", ""), *line) if line else () for line in _group_page(group))
    yield ()
    yield _heading("Keys", "those of an option: --help group=option")
    own = [key for key in conf.main_keys() if not key.name.startswith("hydra.")]
    yield from _table(own)
    yield from _table(key for key in conf.main_keys() if key not in own)
    yield ()
    for hint in (*_HINTS, f"Exit codes: {EXIT_CODES}"):
        yield from (((line, ""),) for line in textwrap.wrap(hint, _width()))


def _sentence(command: Any) -> str:
    return (command.__doc__ or "").strip().partition("\n")[0]


def _heading(title: str, note: str = "") -> Line:
    return ((title, "bold"), (f"  {note}" if note else "", "dim"))


def _table(rows: Iterable[Sequence[str]]) -> Iterator[Line]:
    """Rows of (name, text) or (name, default, comment) in aligned columns, wrapped to the width."""
    cells = [(row[0].strip(), "" if len(row) == 2 else row[1], row[-1]) for row in rows]
    name_width = max((len(name) for name, _, _ in cells), default=0)
    default_width = min(40, max((len(default) for _, default, _ in cells), default=0))
    gap = 2 if default_width else 0
    comment_width = max(20, _width() - 4 - name_width - default_width - gap - 2)
    for name, default, comment in cells:
        columns = _wrap(default, default_width), _wrap(comment, comment_width)
        for k, (left, right) in enumerate(zip_longest(*columns, fillvalue="")):
            line = (
                ("    " + (name if k == 0 else "").ljust(name_width), "cyan"),
                (" " * gap + left.ljust(default_width), "green"),
                (f"  {right}" if right else "", ""),
            )
            yield line


def _wrap(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(1, width), break_on_hyphens=False) or [""]


def _width() -> int:
    return max(60, min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns))


def _print(lines: Iterable[Line]) -> None:
    if not sys.stdout.isatty():
        for line in lines:
            print("".join(text for text, _ in line).rstrip())
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    for line in lines:
        console.print(Text.assemble(*line))
