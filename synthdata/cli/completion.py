"""Tab completion: commands and what follows them; groups and keys are completed by Hydra."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

from synthdata.cli.words import COMMANDS, HELP
from synthdata.errors import ConfigError

_BASH = """\
_synthdata()
{
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(COMP_LINE=$COMP_LINE COMP_POINT=$COMP_POINT "$1" -sc query=bash 2> /dev/null)
    if (( ${#COMPREPLY[@]} < 2 )) && [[ ${COMPREPLY[0]-} != *[=./] ]]; then
        compopt +o nospace 2> /dev/null  # a whole word
    fi
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=}
complete -o nospace -o default -F _synthdata synthdata
"""
_ZSH = """\
_synthdata()
{
    local word line="${(j: :)words[1,CURRENT-1]} $PREFIX"
    local -a whole begun
    while IFS= read -r word; do
        if [[ $word == *[=./] ]]; then begun+=("$word"); else whole+=("$word"); fi
    done < <(COMP_LINE=$line "${(Q)words[1]}" -sc query=zsh 2> /dev/null)
    compadd -a whole
    compadd -S '' -a begun
    (( $#whole + $#begun )) || _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
compdef _synthdata synthdata
"""
_FISH = """\
function __synthdata
    set -lx COMP_LINE (commandline -cp)
    set -l words (commandline -cpo)
    set -l found ($words[1] -sc query=fish 2> /dev/null)
    if set -q found[1]
        string join \\n -- $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c synthdata -f -a '(__synthdata)'
"""
#: Shell -> what tells it how to complete, and what lets it forget.
SHELLS = {
    "bash": (_BASH, "complete -r synthdata; unset -f _synthdata\n"),
    "zsh": (_ZSH, "compdef -d synthdata; unfunction _synthdata\n"),
    "fish": (_FISH, "complete -e -c synthdata; functions -e __synthdata\n"),
}

# What a shell may put into its line, where it has no quotes. It would run ``$(...)``, if only when
# the line is entered, and a file may be a stranger's.
_PLAIN = re.compile(r"[\w.,:/=@~+-]+")


def answer(questions: Sequence[str]) -> int:
    """Print what ``-sc`` asks for: ``install=``, ``uninstall=`` or ``query=`` and a shell's name.

    Of a query, what may stand where the cursor is in COMP_LINE, one word a line, if it needs no
    quotes; nothing where a run, a file or a folder is to be named, which the shell knows.
    """
    question, _, shell = " ".join(questions).partition("=")
    if question not in ("install", "uninstall", "query") or shell not in SHELLS:
        raise ConfigError(
            f"-sc: {' '.join(questions)!r} is not known; install=, uninstall= and query= are, "
            f"of {', '.join(SHELLS)}"
        )
    if question != "query":
        print(SHELLS[shell][question == "uninstall"], end="")
        return 0
    if "COMP_LINE" not in os.environ:
        raise ConfigError(
            f"-sc query={shell}: COMP_LINE is not set; {shell} sets it when Tab is pressed"
        )
    line = os.environ["COMP_LINE"]
    point = os.environ.get("COMP_POINT", "")
    *words, word = line[: int(point) if point.isdecimal() else None].split(" ")
    found = _candidates([each for each in words[1:] if each], word)
    for candidate in sorted({each for each in found if each.startswith(word)}):
        if _PLAIN.fullmatch(candidate):
            print(candidate)
    return 0


def _candidates(words: Sequence[str], word: str) -> Iterable[str]:
    """What may stand in the place of ``word``, or begin like it, after ``words``."""
    from synthdata.cli.help import OPTIONS

    first = words[0] if words else ""
    if first in COMMANDS:
        return _arguments(first, words[1:], word)
    if first in HELP or {*HELP[1:]} & {*words}:
        return _topics(word)
    if words and words[-1] == "--config-dir":
        return ()
    if word.startswith("-"):
        return (name.partition(" ")[0] for name, _ in OPTIONS)
    return (*(() if words else COMMANDS), *_keys(words, word))


def _topics(word: str) -> Iterator[str]:
    """What ``--help`` can be asked about; keys only once it is told how they begin."""
    from synthdata.cli.conf import Conf

    conf = Conf()
    yield from COMMANDS
    for name, group in conf.groups().items():
        yield from (f"{name}={option}" for option in group.files) if "=" in word else (name,)
    if word:
        yield from (key.name for key in (*conf.main_keys(), *conf.option_keys()))


class _Usage(NamedTuple):
    """What a command takes, as its ``--help`` says."""

    places: Sequence[str]  # RUN, FORMAT, or {a,b} where one of these words stands
    options: Mapping[str, str]  # what follows each, "" for nothing

    @classmethod
    def of(cls, command: str) -> _Usage:
        from synthdata.cli.help import command_page

        usage = " ".join(command_page(command).partition("\n\n")[0].split())
        usage = usage.partition(f" {command} ")[2]
        options = re.findall(r"\[(--?[\w-]+)(?: (\w+))?\]", usage)
        return cls(re.sub(r"\[.*?\]", "", usage).split(), dict(options))


def _arguments(command: str, words: Sequence[str], word: str) -> Iterable[str]:
    """What may follow a command."""
    usage = _Usage.of(command)
    if words and usage.options.get(words[-1]):
        return ()
    if word.startswith("-"):
        return ("--help", *usage.options)
    placed = [
        each
        for before, each in zip(("", *words), words, strict=False)
        if not each.startswith("-") and "=" not in each and not usage.options.get(before)
    ]
    if len(placed) >= len(usage.places):
        return _keys_of(command, placed, words, word)
    place = usage.places[len(placed)]
    if place == "FORMAT":
        from synthdata.exports.formats import FORMATS

        return FORMATS
    return place.strip("{}").split(",") if place.startswith("{") else ()


def _keys_of(command: str, placed: Sequence[str], words: Sequence[str], word: str) -> Iterator[str]:
    """The keys that a command takes, and values of some."""
    from synthdata.cli.changes import CHANGEABLE, GROWABLE, MAPPING

    known = {"resume": CHANGEABLE, "retry": CHANGEABLE, "extend": GROWABLE, "map": MAPPING}
    if command in ("show", "tune"):
        yield from _keys(words, word)
    elif command in known:
        for key in _keys(words, word):
            name = key.partition("=")[0].rstrip(".")
            if any(f"{name}.".startswith(f"{each}.") for each in known[command]):
                yield key
    elif command not in ("ps", "cache"):
        yield "plugins="
    if command == "tune":
        from synthdata.cli.tune import keys

        yield from ("space=", "study=")
        with suppress(ConfigError):  # without Optuna
            yield from (f"{name}=" for name, _, _ in keys())
    elif command == "map":
        from synthdata.cli.map import functions

        yield "axis="
        yield from (f"fn={name}" for name in functions()) if word.startswith("fn=") else ("fn=",)
    elif command == "report":
        yield from ("samples=", "pictures=")
    elif command == "export":
        from synthdata.exports.formats import FORMATS, make_format

        if placed[1] in FORMATS:
            yield from (f"{field.name}=" for field in dataclasses.fields(make_format(placed[1])))


def _keys(words: Sequence[str], word: str) -> list[str]:
    """Groups, options and keys of the config, as Hydra completes them."""
    from synthdata.cli.conf import Conf
    from synthdata.cli.generate import Application
    from synthdata.refusals import CONFIG_NAME

    folders = [after for each, after in pairwise(words) if each == "--config-dir"]
    folders += [each.partition("=")[2] for each in words if each.startswith("--config-dir=")]
    told = [each for each in words if "=" in each and not each.startswith("-")]
    try:
        application = Application(folders[-1] if folders else None, CONFIG_NAME, typed=False)
        found = application.completed(" ".join((*told, word)))
    except Exception:  # what is typed so far is at fault; nobody is told before it is whole
        return []
    conf = Conf()
    keys = (*conf.main_keys(), *conf.option_keys())
    lists = {f"{key.name}." for key in keys if key.default.startswith("[")}
    return [f"{each[:-1]}=" if each in lists else each for each in found]  # they have no keys
