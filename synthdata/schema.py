"""The dataclasses that configs are made of, as OmegaConf's structured configs.

A component's dataclass is its schema, and nothing is written down twice: what OmegaConf can type
(numbers, texts, flags, lists and mappings of these, sections) has the type that the dataclass gives
it. A field that takes several kinds of things, as a distribution or an option of a group, is open,
and is checked when the component is built.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import types
import typing
from abc import ABC
from collections.abc import Mapping
from typing import Any

from synthdata import components

TARGET = "_target_"
_UNCOPIED = "no_deepcopy_set_nodes"  # a flag: nodes are taken over
MISSING = "???"  # OmegaConf's word for a value that has to be given


@functools.cache
def structured(cls: type) -> type:
    """A component or a section as a structured config, a dataclass whose defaults are plain data.

    It can be stored in Hydra's ConfigStore, and be a field of your own structured config or a base.
    """
    return _made(cls, "structured", [])


@functools.cache
def option(cls: type) -> type:
    """The same with the ``_target_`` that an option of a config group begins with."""
    return _made(cls, "option", [(TARGET, str, dataclasses.field(default=components.name_of(cls)))])


def is_structured(value: Any) -> bool:
    """Whether this is an instance of a structured config, or of a subclass: no longer a node."""
    return any(parent.__module__ == __name__ for parent in type(value).__mro__)


def typed(cls: type, config: Any) -> Any:
    """A composed config as ``structured(cls)``, read-only but for Hydra's part.

    A node that names a class of synthdata is an ``option`` of it, if any of its fields has a type.
    One that names another class is left as it is: nothing is imported that may not be trusted.

    Raises
    ------
    ConfigError
        If a value is not of its field's type, or a class cannot be named there. Interpolations are
        checked by OmegaConf when it resolves them.
    """
    from omegaconf import OmegaConf

    made = _node(config, cls, structured(cls), "")
    OmegaConf.copy_cache(config, made)
    OmegaConf.set_struct(made, True)
    OmegaConf.set_readonly(made, True)
    if "hydra" in made:
        OmegaConf.set_readonly(made.hydra, False)
    return made


def _node(given: Any, cls: type, schema: type, key: str) -> Any:
    """A mapping of the config as ``schema``, which is that of ``cls``."""
    from omegaconf import OmegaConf, flag_override

    hints, values, others = _hints(cls), {}, {}
    for name in given:
        child = given._get_node(name)
        if name in hints:
            values[name] = _value(child, hints[name], f"{key}.{name}" if key else name)
        elif name == TARGET:
            values[name] = child._value()
        else:
            others[name] = child  # Hydra's part, or what the component will refuse
    unlisted = [name for name in hints if name not in values]
    given_all = schema(**values, **dict.fromkeys(unlisted, MISSING))
    node = OmegaConf.structured(given_all, flags={_UNCOPIED: True})
    with flag_override(node, ["struct"], [False]):
        for name in unlisted:  # the class has defaults for these, or asks for them
            del node[name]
        for name, child in others.items():
            node[name] = child
    node._set_flag(_UNCOPIED, None)
    content = node.__dict__["_content"]
    in_order = [(name, content.pop(name)) for name in given]  # as the files have it
    content.update(in_order)
    return node


def _value(given: Any, hint: Any, key: str) -> Any:
    """What stands at ``key``, ready to be a field of a structured config."""
    from omegaconf import DictConfig, OmegaConf

    if given._is_interpolation() or given._is_missing():
        return given._value()
    kind = _without_none(hint)
    if isinstance(given, DictConfig) and not given._is_none():
        if (base := _held(kind)) is not None:
            return {k: _value(given._get_node(k), base, f"{key}.{k!s}") for k in given}
        named = given._get_node(TARGET, validate_access=False)
        if named is not None:
            target = named._value()
            if not isinstance(kind, type) or not components.is_ours(target):
                return given
            cls: type = components.locate(target, kind, key)
            return _node(given, cls, option(cls), key) if _is_typed(cls) else given
        if components.is_section(kind):
            return _node(given, kind, structured(kind), key)
    if _type(hint) is Any:
        return given
    plain = given._value()
    if OmegaConf.is_config(given):
        plain = OmegaConf.to_container(given)
        if "${" in repr(plain):  # for OmegaConf to convert
            return plain
    value = components.coerce(plain, hint, key)
    return components.describe_value(value)


def _without_none(hint: Any) -> Any:
    """``X`` of ``X | None``, and any other hint as it is."""
    others = [a for a in typing.get_args(hint) if a is not type(None)]
    is_union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return others[0] if is_union and len(others) == 1 else hint


def _held(hint: Any) -> Any:
    """``X`` of a mapping from names to components ``X``; None for all else."""
    held = typing.get_args(hint)[1] if typing.get_origin(hint) is Mapping else None
    return held if isinstance(held, type) and held not in components.SCALARS else None


def _type(hint: Any) -> Any:
    """The type of a field in OmegaConf's words; Any if it has none."""
    kind = _without_none(hint)
    if kind is not hint:
        found = _type(kind)
        return Any if found is Any else found | None
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return str if all(isinstance(a, str) for a in arguments) else Any
    if origin is tuple and len(inner := {_type(a) for a in arguments if a is not ...} - {Any}) == 1:
        return list[inner.pop()]  # type: ignore[misc]
    if origin is Mapping and (value := _type(arguments[1])) is not Any:
        return dict[Any, value]  # type: ignore[valid-type]
    if hint in components.SCALARS:
        return hint
    return structured(hint) if _is_plain_section(hint) else Any


@functools.cache
def _is_typed(cls: type) -> bool:
    """Whether there is a field that OmegaConf can check."""
    kinds = [_without_none(hint) for hint in _hints(cls).values()]
    sections = filter(components.is_section, kinds)
    return any(_type(k) is not Any or _held(k) for k in kinds) or any(map(_is_typed, sections))


def _is_plain_section(hint: Any) -> bool:
    """Whether nothing but this section can stand there: no class that extends it is an option."""
    return components.is_section(hint) and not issubclass(hint, ABC)


def _made(cls: type, maker: str, fields: list[Any]) -> type:
    hints = _hints(cls)
    fields += [_field(field, hints[field.name]) for field in dataclasses.fields(cls)]
    names = {
        "__doc__": cls.__doc__,
        "__module__": __name__,
        "__qualname__": ":".join((maker, *cls.__module__.split("."), cls.__qualname__)),
        "__init__": _set,
    }
    # Without methods of its own, for which dataclass would compile code.
    return dataclasses.make_dataclass(
        cls.__name__, fields, namespace=names, init=False, repr=False, eq=False
    )


def __getattr__(name: str) -> Any:
    """What pickle asks for: a structured config by its qualified name."""
    path, _, cls = name.rpartition(":")
    maker, *module = path.split(":")
    if maker not in ("structured", "option") or not module:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(".".join(module)), cls)
    return structured(found) if maker == "structured" else option(found)


def _set(self: Any, **values: Any) -> None:
    """The constructor of a structured config."""
    fields = self.__dataclass_fields__
    for name in values:
        if name not in fields:
            raise TypeError(f"{type(self).__name__} has no field {name!r}")
    for name, field in fields.items():
        if name in values:
            value = values[name]
        elif field.default is dataclasses.MISSING:
            value = field.default_factory()
        else:
            value = field.default
        setattr(self, name, value)


@functools.cache
def _hints(cls: Any) -> Mapping[str, Any]:
    """The types of a class's fields, with None among them where that is the default."""
    hints = components.hints_of(cls)
    fields = dataclasses.fields(cls)
    return {f.name: hints[f.name] | None if f.default is None else hints[f.name] for f in fields}


def _field(field: dataclasses.Field[Any], hint: Any) -> tuple[str, Any, Any]:
    kind, default = _type(hint), field.default
    if default is None or type(default) in components.SCALARS:
        return field.name, kind, dataclasses.field(default=default)
    factory = field.default_factory
    if factory is dataclasses.MISSING and default is dataclasses.MISSING:
        return field.name, kind, dataclasses.field(default=MISSING)

    def plain() -> Any:
        return _plain(default if factory is dataclasses.MISSING else factory(), hint)

    return field.name, kind, dataclasses.field(default_factory=plain)


def _plain(value: Any, hint: Any) -> Any:
    """A default as plain data, or as an instance of its section's structured config."""
    cls: Any = type(value)
    if not _is_plain_section(cls) or _without_none(hint) is not cls:
        return components.describe_value(value)
    inner = {name: _plain(getattr(value, name), hint) for name, hint in _hints(cls).items()}
    return structured(cls)(**inner)
