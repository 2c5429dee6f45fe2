"""From plain config nodes to frozen objects, checking everything on the way.

A *component* is a frozen dataclass whose fields are its parameters: the class is the schema. A node
is a mapping whose ``_target_`` names the class; the other keys are its fields. Only classes of the
``synthdata`` package and of the modules in ``plugins`` can be named, and only where a class of that
kind is expected, so a config from a stranger stays data.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import hashlib
import importlib
import inspect
import math
import operator
import re
import sys
import types
import typing
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, TypeVar

import numpy as np

from synthdata.axes.base import Axes, Axis
from synthdata.axes.coordinate import ColorCoordinate, Coordinate
from synthdata.axes.regions import PARTS, Region, base_of
from synthdata.distributions import (
    COLOR_KINDS,
    KINDS,
    Choice,
    ColorDistribution,
    Constant,
    Distribution,
    Palette,
)
from synthdata.errors import ConfigError, nearest, shown
from synthdata.schedules import Schedule

T = TypeVar("T")
PACKAGE = __name__.partition(".")[0]
_NUMBERS: Mapping[str, type[Distribution]] = {**KINDS, "schedule": Schedule, "axis": Coordinate}
_COLORS: Mapping[str, type[Distribution]] = {**COLOR_KINDS, "axis": ColorCoordinate}
_KIND_OF = {cls: name for name, cls in (*_NUMBERS.items(), *_COLORS.items())}


def build(node: Any, base: type[T], key: str, plugins: Sequence[str] = ()) -> T:
    """The object that a config node describes.

    Parameters
    ----------
    node
        A mapping with ``_target_`` and the fields of that class.
    base
        The class that is expected here.
    key
        Where the node stands in the config, for messages.
    plugins
        Modules outside ``synthdata`` whose classes may be named.

    Raises
    ------
    ConfigError
        If anything about the node is wrong; the message names the key, the value and what would do.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        what = _brief(node)
        if isinstance(node, Mapping) and node:
            what = f"its key {next(iter(node))!r} is set, but that"
        listed = "" if "." in key else f", which --help {key} lists"
        raise ConfigError(
            f"{key}: {what} is no option; choose one of the group{listed}, or give a mapping with "
            "its '_target_'"
        )
    cls = locate(node["_target_"], base, key, plugins)
    return make(cls, {k: v for k, v in node.items() if k != "_target_"}, key, plugins)


def _brief(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def make(cls: type[T], values: Mapping[str, Any], key: str, plugins: Sequence[str] = ()) -> T:
    """An instance of the dataclass ``cls`` from plain ``values``, checked field by field."""
    hints = hints_of(cls)
    for name in values:
        if name not in hints:
            raise ConfigError(f"{_join(key, name)}: no such key; {nearest(str(name), hints)}")
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING
        if required and field.default_factory is dataclasses.MISSING and name not in values:
            raise ConfigError(f"{_join(key, name)}: missing")
    arguments = {
        name: coerce(value, hints[name], _join(key, name), plugins)
        for name, value in values.items()
    }
    try:
        made = cls(**arguments)
    except ConfigError as error:
        raise error.at(key) from None
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ConfigError(f"{key}: {error}") from error
    if not is_ours(name_of(cls)):  # whose defaults may be anything
        read: dict[str, Any] = {}  # 0.0 for a default of 0: what the run's config gives back
        for name, node in _fields(made).items():
            place, value = _join(key, name), getattr(made, name)
            _check_plain(node, place)
            is_distribution = isinstance(value, Distribution)
            if _holds_component(value) and not is_distribution:  # checked like this one
                continue
            again = coerce(node, hints[name], place, plugins)
            if not is_distribution and not _are_same(value, again):
                raise ConfigError(
                    f"{place}: a config would give back {_brief(again)} for {_brief(value)}; "
                    "give the field the type of its values"
                )
            if name not in arguments and fields[name].init and repr(again) != repr(value):
                read[name] = again
        if read:
            made = cls(**arguments, **read)
    return made


def coerce(value: Any, hint: Any, key: str, plugins: Sequence[str] = ()) -> Any:
    """``value`` as the type ``hint``, or a ConfigError that says what would do."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union or origin is types.UnionType:
        if value is None and type(None) in arguments:
            return None
        options = [a for a in arguments if a is not type(None)]
        options.sort(key=lambda option: option is not type(value))  # "5" stays one where it may
        for option in options[:-1]:
            try:
                return coerce(value, option, key, plugins)
            except ConfigError:
                continue
        return coerce(value, options[-1], key, plugins)
    if origin is typing.Literal:
        if value not in arguments:
            known = ", ".join(map(str, arguments))
            raise ConfigError(f"{key}: {shown(value)} is not one of {known}")
        return value
    if origin is tuple:
        return _sequence(value, arguments, key, plugins)
    if origin in (dict, Mapping) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{key}: {shown(value)} is not a mapping")
        return {k: coerce(v, arguments[1], f"{key}.{k}", plugins) for k, v in value.items()}
    if hint is Any:
        return value
    if hint in SCALARS:
        return _scalar(value, hint, key)
    if isinstance(value, hint):
        return value
    if issubclass(hint, enum.Enum):
        return _member(value, hint, key)
    if issubclass(hint, PurePath):
        return hint(_scalar(value, str, key))
    if issubclass(hint, Distribution):
        return distribution(value, key, hint)
    if issubclass(hint, Axis):
        return axis(value, key)
    if hint is Region:
        return region(value, key)
    if hint is Axes and isinstance(value, Mapping) and Axes.KIND in value:
        return grid(value, key)
    if is_section(hint) and not (isinstance(value, Mapping) and "_target_" in value):
        if isinstance(value, Mapping):
            return make(typing.cast("type", hint), value, key, plugins)
        if not issubclass(hint, ABC):
            keys = ", ".join(hints_of(hint))
            raise ConfigError(f"{key}: {_brief(value)} is not a mapping with the keys {keys}")
    return build(value, hint, key, plugins)


def distribution(value: Any, key: str, base: type[Distribution] = Distribution) -> Distribution:
    """The distribution that a config value stands for.

    A scalar is a constant, a list is an equal choice, a mapping names its ``dist``. Where colours
    are expected, a colour or a list of colours is a palette. A mapping with a ``schedule`` is that.
    """
    color = issubclass(base, ColorDistribution)
    kinds: Mapping[str, type[Distribution]] = _COLORS if color else _NUMBERS
    if isinstance(value, base):
        return value
    if isinstance(value, Mapping):
        name = value.get("dist", None if color or "schedule" not in value else "schedule")
        if name is None:
            raise ConfigError(f"{key}: a distribution needs 'dist'; known: {', '.join(kinds)}")
        if not isinstance(name, str) or name not in kinds:
            raise ConfigError(f"{key}.dist: {shown(name)} is unknown; {nearest(str(name), kinds)}")
        return make(kinds[name], {k: v for k, v in value.items() if k != "dist"}, key)
    try:
        if color:
            return Palette(tuple(value) if isinstance(value, list | tuple) else (value,))
        if isinstance(value, list | tuple):
            return Choice(tuple(value))
        return Constant(value)
    except ConfigError as error:
        raise error.at(key) from None


def axis(value: Any, key: str) -> Axis:
    """The axis that a value describes: a list, a number of places, or a mapping with ``axis``."""
    from synthdata.axes.registry import AXES, plain_axis

    if isinstance(value, Mapping):
        name = value.get(Axis.KIND)
        if not isinstance(name, str) or name not in AXES:
            raise ConfigError(f"{key}.axis: {shown(name)} is unknown; {nearest(str(name), AXES)}")
        return make(AXES[name], {k: v for k, v in value.items() if k != Axis.KIND}, key)
    try:
        return plain_axis(value)
    except ConfigError as error:
        raise error.at(key) from None


def grid(value: Mapping[str, Any], key: str) -> Axes:
    """The grid that a mapping with ``axes`` describes, which is a part of another one."""
    from synthdata.axes.registry import GRIDS

    name = value[Axes.KIND]
    if not isinstance(name, str) or name not in GRIDS:
        raise ConfigError(f"{key}.axes: {shown(name)} is unknown; {nearest(str(name), GRIDS)}")
    return make(GRIDS[name], {k: v for k, v in value.items() if k != Axes.KIND}, key)


def region(value: Any, key: str) -> Region:
    """The region that a mapping describes; ``all``, ``any`` and ``not`` hold others, or a list."""
    if not isinstance(value, Mapping):
        raise ConfigError(f"{key}: {shown(value)} is not a region, such as {{shape: heart}}")
    parts: dict[str, Any] = {}
    for name, word in PARTS.items():
        given = value.get(word, ())
        listed = given if isinstance(given, list | tuple) else (given,)
        parts[name] = tuple(region(part, f"{key}.{word}") for part in listed)
    conditions: dict[str, Distribution | Region] = {}
    for name, node in value.items():
        place = _join(key, name)
        if name in PARTS.values():
            continue
        inner = isinstance(node, Mapping) and not {"dist", "schedule"} & node.keys()
        conditions[name] = (
            region(node, place) if inner else distribution(node, place, base_of(node))
        )
    try:
        return Region(conditions=conditions, **parts)
    except ConfigError as error:
        raise error.at(key) from None


def describe(component: Any) -> Any:
    """The plain node that rebuilds ``component``: the inverse of ``build``."""
    if isinstance(component, Axis):
        from synthdata.axes.registry import kind_of

        plain = component.to_plain()
        return {Axis.KIND: kind_of(component), **_fields(component)} if plain is None else plain
    if isinstance(component, Region):
        held = {word: getattr(component, name) for name, word in PARTS.items()}
        parts = {word: describe_value(regions) for word, regions in held.items() if regions}
        return {**describe_value(component.conditions), **parts}
    if isinstance(component, Constant):
        return component.value
    if isinstance(component, Distribution):
        return {"dist": _KIND_OF[type(component)], **_fields(component)}
    return {
        "_target_": name_of(type(component)),
        **_fields(component),
    }


def describe_value(value: Any) -> Any:
    """``describe`` for whatever a field may hold: components, tuples, mappings, scalars."""
    if dataclasses.is_dataclass(value):
        return describe(value)
    if isinstance(value, tuple):
        return [describe_value(v) for v in value]
    if isinstance(value, Mapping):
        return {k: describe_value(v) for k, v in value.items()}
    if isinstance(value, enum.Enum):
        return value.name
    return str(value) if isinstance(value, PurePath) else value


def _holds_component(value: Any) -> bool:
    """Whether there is a component in what a field holds."""
    if isinstance(value, Mapping):
        value = [*value.values()]
    if isinstance(value, list | tuple):
        return any(map(_holds_component, value))
    return dataclasses.is_dataclass(value)


def _are_same(value: Any, again: Any) -> bool:
    """Whether a value is what became of it on the way through a config."""
    if isinstance(value, list | tuple) and isinstance(again, list | tuple):
        return len(value) == len(again) and all(map(_are_same, value, again))
    try:
        return bool(value == again)
    except Exception:  # a plugin's own class may not compare
        return type(value) is type(again)


def _check_plain(node: Any, key: str) -> None:
    """Raise ConfigError if a described node holds what no YAML file can."""
    if type(node) is dict:
        for name, value in node.items():
            _check_plain(name, key)
            _check_plain(value, _join(key, name))
    elif type(node) is list:
        for value in node:
            _check_plain(value, key)
    elif node is not None and type(node) not in SCALARS:
        raise ConfigError(
            f"{key}: {_brief(node)} cannot stand in a config; fields are numbers, texts, paths, "
            "enumerations, lists and mappings of these, distributions and components"
        )


def foreign_code(node: Any) -> dict[str, str]:
    """The modules outside synthdata that a described node names, each with its file's SHA-256."""
    if isinstance(node, Mapping):
        found: dict[str, str] = {}
        target = node.get("_target_")
        if isinstance(target, str) and target.partition(".")[0] != PACKAGE:
            name = target.rpartition(".")[0]
            found[name] = hashlib.sha256(_code(sys.modules.get(name))).hexdigest()
        for value in node.values():
            found |= foreign_code(value)
        return found
    if isinstance(node, list | tuple):
        return {name: code for value in node for name, code in foreign_code(value).items()}
    return {}


def _code(module: types.ModuleType | None) -> bytes:
    """The file of a module; nothing where there is none, as of what was typed in."""
    source = getattr(module, "__file__", None)
    if source is None:
        return b""
    try:
        return Path(source).read_bytes()
    except OSError:
        try:
            data: bytes = module.__loader__.get_data(source)  # type: ignore[union-attr]
        except (AttributeError, OSError):
            return b""
        return data  # it is in a zip file


def _fields(component: Any) -> dict[str, Any]:
    """The described fields; one whose type says its class exactly needs no ``_target_``."""
    hints = hints_of(type(component))
    node = {}
    for field in dataclasses.fields(component):
        value = getattr(component, field.name)
        hint = hints[field.name]
        exact = hint in (type(value), type(value) | None)
        exact = exact and not isinstance(value, Distribution | Region)
        is_section = exact and dataclasses.is_dataclass(value)
        node[field.name] = _fields(value) if is_section else describe_value(value)
    return node


def as_read(value: Any, hint: Any = Any) -> Any:
    """A value as the config that describes it gives it back: 1.0 for 1 where ``hint`` is a number.

    It is the very same object where that changes nothing. What is of another type than its field
    says stays as it is.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.init]
        hints = hints_of(type(value))
        parts = {name: as_read(getattr(value, name), hints[name]) for name in names}
        changed = {name: p for name, p in parts.items() if p is not getattr(value, name)}
        return dataclasses.replace(value, **changed) if changed else value
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    for option in typing.get_args(hint) if is_union else (hint,):
        origin, arguments = typing.get_origin(option), typing.get_args(option)
        if origin is tuple and isinstance(value, tuple | list):
            kinds = arguments[:1] * len(value) if arguments[-1] is Ellipsis else arguments
            if len(kinds) == len(value):
                items = tuple(map(as_read, value, kinds))
                same = isinstance(value, tuple) and all(map(operator.is_, items, value))
                return value if same else items
        if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, Mapping):
            read = {key: as_read(inner, arguments[1]) for key, inner in value.items()}
            return value if all(read[key] is inner for key, inner in value.items()) else read
    if isinstance(value, int | float | np.generic):
        found = value.item() if isinstance(value, np.generic) else value
        with contextlib.suppress(ConfigError):
            found = coerce(found, hint, "")
        return value if type(found) is type(value) else found
    return value


def name_of(cls: type) -> str:
    """The name of a class in a config: for ours that of the package that exports it."""
    package, _, rest = cls.__module__.partition(".")
    home = f"{PACKAGE}.{rest.partition('.')[0]}" if package == PACKAGE else cls.__module__
    return f"{home}.{cls.__qualname__}"


def is_ours(target: Any) -> bool:
    """Whether what a ``_target_`` names is in this package."""
    return isinstance(target, str) and target.partition(".")[0] == PACKAGE


def is_section(hint: Any) -> bool:
    """Whether a mapping without a ``_target_`` may stand for an object of this class."""
    return (
        dataclasses.is_dataclass(hint)
        and isinstance(hint, type)
        and not inspect.isabstract(hint)
        and not issubclass(hint, Distribution | Axis | Region)
    )


def locate(target: Any, base: type[T], key: str, plugins: Sequence[str] = ()) -> type[T]:
    """The class that ``target`` names, if its module is allowed and it is a ``base``."""
    if not isinstance(target, str) or not _DOTTED.fullmatch(target):
        raise ConfigError(f"{key}._target_: {target!r} is not a dotted class name")
    root = target.partition(".")[0]
    if root == PACKAGE and "._" in target:  # synthdata.__main__ would run another command
        raise ConfigError(f"{key}._target_: {target!r} is a private name of synthdata")
    if root != PACKAGE and not any(target.startswith(f"{p}.") for p in plugins):
        raise ConfigError(
            f"{key}._target_: {target!r} is outside synthdata; "
            f"if you trust it, add plugins=[{target.rpartition('.')[0]}]"
        )
    module_name, _, name = target.rpartition(".")
    try:
        module = importlib.import_module(module_name)
        cls = getattr(module, name, None)
    except Exception as error:  # whatever a plugin's own code raises
        cause = next(iter(str(error).splitlines()), type(error).__name__)
        folders = " (looked in the current folder and sys.path)" if root != PACKAGE else ""
        raise ConfigError(
            f"{key}._target_: cannot import {module_name!r}: {cause}{folders}"
        ) from error
    if cls is None:
        raise ConfigError(
            f"{key}._target_: {module_name!r} has no {name!r}; "
            f"{nearest(name, _public(module, base))}"
        )
    if not (isinstance(cls, type) and issubclass(cls, base) and dataclasses.is_dataclass(cls)):
        raise ConfigError(f"{key}._target_: {target!r} is no {base.__name__} dataclass")
    return typing.cast("type[T]", cls)


def _public(module: types.ModuleType, base: type) -> list[str]:
    found = ((name, getattr(module, name)) for name in dir(module))
    return [n for n, v in found if isinstance(v, type) and issubclass(v, base)]


def _read_hints(cls: type) -> dict[str, Any]:
    """Field names and types of a dataclass, with string annotations evaluated."""
    hints: dict[str, Any] = {}
    for parent in reversed(cls.__mro__):
        namespace = vars(sys.modules[parent.__module__])
        for name, hint in vars(parent).get("__annotations__", {}).items():
            hints[name] = eval(hint, dict(namespace)) if isinstance(hint, str) else hint  # noqa: S307
    names = {f.name for f in dataclasses.fields(cls)}
    return {name: hint for name, hint in hints.items() if name in names}


hints_of: Callable[[type], dict[str, Any]] = functools.cache(_read_hints)


def _join(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)


_WHOLE = re.compile(r"[+-]?\d+")
_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_DOTTED = re.compile(r"\w+(\.\w+)+")
SCALARS = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}


def _scalar(value: Any, hint: type, key: str) -> Any:
    found = _converted(value, hint)
    if not isinstance(found, hint) or (isinstance(found, bool) and hint is not bool):
        raise ConfigError(f"{key}: {_brief(value)} is not {SCALARS[hint]}")
    if isinstance(found, float) and not math.isfinite(found):
        raise ConfigError(f"{key}: {_brief(value)} is not a finite number")
    return found


def _member(value: Any, hint: type[enum.Enum], key: str) -> enum.Enum:
    """The member of an enumeration that has this name, or else this value."""
    if isinstance(value, str) and value in hint.__members__:
        return hint[value]
    try:
        return hint(value)
    except (ValueError, TypeError):
        known = ", ".join(hint.__members__)
        raise ConfigError(f"{key}: {_brief(value)} is not one of {known}") from None


def _converted(value: Any, hint: type) -> Any:
    """A scalar as ``hint`` where nothing is lost: texts of numbers and flags, and 3 for 3.0."""
    if isinstance(value, bool):
        return value
    try:
        if hint is bool and isinstance(value, str):
            return _FLAGS.get(value.strip().lower(), value)
        if hint is float and isinstance(value, str | int):
            return float(value)
        if hint is int and isinstance(value, str):
            value = int(value) if _WHOLE.fullmatch(value.strip()) else float(value)
        if hint is int and isinstance(value, float) and value.is_integer():
            return int(value)
    except OverflowError:
        return math.inf
    except ValueError:  # no number, or one with too many digits
        return value
    return value


def _sequence(
    value: Any, arguments: tuple[Any, ...], key: str, plugins: Sequence[str]
) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigError(f"{key}: {shown(value)} is not a list")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(coerce(v, arguments[0], f"{key}[{i}]", plugins) for i, v in enumerate(value))
    if len(value) != len(arguments):
        raise ConfigError(
            f"{key}: {list(value)!r} has {len(value)} items where {len(arguments)} are expected"
        )
    return tuple(
        coerce(v, a, f"{key}[{i}]", plugins)
        for i, (v, a) in enumerate(zip(value, arguments, strict=True))
    )
