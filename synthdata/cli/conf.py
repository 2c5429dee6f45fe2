"""The config files with their comments: what ``--help`` is made from.

The files under ``conf/`` are the only source: the first comment line of an option says what it is,
and the comment after a key says what the key means. Nothing is composed, so Hydra is not imported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from synthdata.compose import conf_dir
from synthdata.errors import ConfigError, nearest
from synthdata.refusals import CONFIG_NAME

# libyaml where PyYAML has it, as in its wheels: a sixth of the time, and the same nodes.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Key(NamedTuple):
    """A config key: its dotted name, its default as the file has it, and its comment."""

    name: str
    default: str
    comment: str


class Option(NamedTuple):
    """An option of a config group: its title, its keys, and what is typed before those."""

    title: str
    prefix: str
    keys: tuple[Key, ...]


class Group(NamedTuple):
    """A config group: what it is for, what is chosen by default, and the files of its options."""

    name: str
    comment: str
    default: str
    files: dict[str, Path]


class Conf:
    """The config files: those of ``config_dir``, where one is given, before the shipped ones."""

    def __init__(self, config_dir: str | None = None) -> None:
        if config_dir is not None and not Path(config_dir).is_dir():
            raise ConfigError(f"--config-dir: {config_dir!r} is not a folder")
        self._folders = [*([Path(config_dir)] if config_dir is not None else []), conf_dir()]
        self._main, self._source = _load(conf_dir() / f"{CONFIG_NAME}.yaml")

    def groups(self) -> dict[str, Group]:
        """All groups by name, those of the defaults list first."""
        named = dict(self._defaults())
        found = sorted({f.name for d in self._folders for f in d.iterdir() if f.is_dir()})
        groups = {}
        for name in (*named, *(f for f in found if f not in named)):
            default, comment = named.get(name, ("", ""))
            paths = [p for d in reversed(self._folders) for p in sorted((d / name).glob("*.yaml"))]
            files = {p.stem: p for p in paths}
            if files:
                groups[name] = Group(name, comment, default, dict(sorted(files.items())))
        return groups

    def _defaults(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """(group, (default, comment)) for each choice in the defaults list."""
        for key, items in self._main.value:
            if key.value != "defaults":
                continue
            for item in items.value:
                for group, choice in item.value if isinstance(item, yaml.MappingNode) else ():
                    if "/" not in group.value:
                        yield group.value, (self._text(choice), self._comment(choice.end_mark))

    def main_keys(self) -> list[Key]:
        """The keys of the main config that are no groups; of Hydra's own those with a comment."""
        skip = {"defaults", *self.groups()}
        return [
            key
            for key in _walk(self._main, self._source)
            if key.name.partition(".")[0] not in skip
            and (key.comment or not key.name.startswith("hydra"))
        ]

    def option_keys(self) -> list[Key]:
        """The keys of all options of all groups, with their full names.

        Of what an option sets elsewhere in the config the comment says which option it is.
        """
        keys = []
        for group in self.groups().values():
            for name in group.files:
                option = read_option(group, name)
                told = "" if option.prefix else f" ({group.name}={name})"
                keys += [
                    Key(f"{option.prefix}{key.name}", key.default, f"{key.comment}{told}")
                    for key in option.keys
                ]
        return keys

    def _text(self, node: yaml.Node) -> str:
        return _text(node, self._source)

    def _comment(self, mark: yaml.Mark) -> str:
        return _comment(mark, self._source)


def read_option(group: Group, name: str) -> Option:
    """An option of a group; ConfigError if there is none of that name."""
    if name not in group.files:
        raise ConfigError(f"{group.name}: {name!r} is not an option; {nearest(name, group.files)}")
    root, source = _load(group.files[name])
    package, title = _header(source)
    skip = ("_target_", "defaults")
    keys = tuple(key for key in _walk(root, source) if key.name.rpartition(".")[2] not in skip)
    prefix = "" if package == "_global_" else f"{package or group.name}."
    return Option(" ".join(title), prefix, keys)


def read_title(path: Path) -> str:
    """The first comment line of an option's file that says what it is."""
    _, title = _header(path.read_text(encoding="utf-8"))
    return title[0] if title else ""


def _load(path: Path) -> tuple[yaml.MappingNode, str]:
    """The nodes of a file, which know where they stand, and its text."""
    try:
        source = path.read_text(encoding="utf-8")
        root = yaml.compose(source, Loader=_LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read: {str(error).splitlines()[0]}") from error
    if root is None:  # nothing but comments
        root = yaml.MappingNode("tag:yaml.org,2002:map", [])
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}: is not a mapping of config keys")
    return root, source


def _walk(node: yaml.MappingNode, source: str, prefix: str = "") -> Iterator[Key]:
    """The keys of a mapping; those of nested blocks after their parent's, with dotted names."""
    for key, value in node.value:
        name = f"{prefix}{key.value}"
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            if comment := _comment(key.end_mark, source):
                yield Key(name, "", comment)
            yield from _walk(value, source, f"{name}.")
        else:
            yield Key(name, _text(value, source), _comment_on(key, value, source))


def _text(node: yaml.Node, source: str) -> str:
    """A value as it is written, on one line, without comments."""
    lines = source[node.start_mark.index : node.end_mark.index].splitlines()
    if len(lines) > 1:
        lines = [re.sub(r"(^|\s)#\s.*", "", line) for line in lines]
    return re.sub(r"(?<=[\[{]) ", "", " ".join(" ".join(lines).split()))


def _comment_on(key: yaml.Node, value: yaml.Node, source: str) -> str:
    """The comment that ends a value's last line or its first, or that stands above the key."""
    in_lines = isinstance(value, yaml.SequenceNode) and not value.flow_style
    return (
        _comment((key if in_lines else value).end_mark, source)
        or _comment(value.start_mark, source)
        or _comment_above(key.start_mark, source)
    )


def _comment(mark: yaml.Mark, source: str) -> str:
    """What the comment says that ends the line of ``mark``, with nothing but brackets before it."""
    match = re.match(r"[\s:,\[\]{}]*#\s*(.*)", source[mark.index :].partition("\n")[0])
    return match[1].rstrip() if match else ""


def _comment_above(mark: yaml.Mark, source: str) -> str:
    """What a comment says that has the line above ``mark`` to itself."""
    lines = source[: mark.index].splitlines()
    above = lines[mark.line - 1].strip() if 0 < mark.line <= len(lines) else ""
    return above.lstrip("#").strip() if above.startswith("#") else ""


def _header(source: str) -> tuple[str, list[str]]:
    """The package that the first lines of a file name, or "", and its other head comments."""
    package, title = "", list[str]()
    for line in source.splitlines():
        text = line.strip()
        if text and not text.startswith("#"):
            break
        text = text.lstrip("#").strip()
        if text.startswith("@package") and not title:  # further down Hydra does not see it
            package = text.split()[1]
        elif text:
            title.append(text)
    return package, title
