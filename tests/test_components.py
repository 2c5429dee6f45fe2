"""Config nodes become objects and back; whatever is wrong is one sentence; strangers stay data."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from synthdata.axes import Product
from synthdata.axes.coordinate import Coordinate
from synthdata.axes.kinds import Linspace, Listed
from synthdata.components import as_read, build, coerce, describe, distribution, foreign_code, make
from synthdata.config import Config
from synthdata.distributions import (
    Choice,
    ColorDistribution,
    Constant,
    Distribution,
    Mixture,
    Palette,
    Relative,
    Uniform,
)
from synthdata.encoders import Encoder, Png
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.primitives import Lines, Primitive
from synthdata.renderers import Agg, Renderer
from synthdata.sample_config import Canvas


@dataclass(frozen=True)
class Inner:
    depth: int = 1


@dataclass(frozen=True, kw_only=True)
class Everything:
    """One field of each type that fields can have."""

    whole: int = 0
    real: float = 0.0
    text: str = ""
    truth: bool = False
    mode: Literal["a", "b"] = "a"
    pair: tuple[int, float] = (0, 0.0)
    many: tuple[float, ...] = ()
    maybe: int | None = None
    either: int | tuple[int, ...] = 0
    named: float | str = 0.0
    inner: Inner = Inner()
    inners: Mapping[str, Inner] = field(default_factory=dict)
    drawn: Distribution = Constant(1)
    color: ColorDistribution | None = None
    anything: Any = None

    def __post_init__(self) -> None:
        if self.whole == 666:
            raise ValueError("not this one")


def refused(value: Any, cls: type = Everything) -> str:
    with pytest.raises(ConfigError) as caught:
        make(cls, value, "top")
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"whole": 3}, Everything(whole=3)),
        ({"whole": 3.0}, Everything(whole=3)),
        ({"real": 3}, Everything(real=3.0)),
        ({"whole": " 3"}, Everything(whole=3)),
        ({"whole": "1e3"}, Everything(whole=1000)),
        ({"whole": str(2**62 + 1)}, Everything(whole=2**62 + 1)),
        ({"real": "3"}, Everything(real=3.0)),
        ({"real": "1e-3"}, Everything(real=0.001)),
        ({"truth": "True"}, Everything(truth=True)),
        ({"truth": "off"}, Everything(truth=False)),
        ({"pair": ["1", "2"]}, Everything(pair=(1, 2.0))),
        ({"named": "5"}, Everything(named="5")),
        ({"text": "5"}, Everything(text="5")),
        ({"drawn": "5"}, Everything(drawn=Constant("5"))),
        ({"pair": [1, 2]}, Everything(pair=(1, 2.0))),
        ({"many": [1, 2.5]}, Everything(many=(1.0, 2.5))),
        ({"maybe": None}, Everything()),
        ({"either": [1, 2]}, Everything(either=(1, 2))),
        ({"either": 5}, Everything(either=5)),
        ({"inner": {"depth": 7}}, Everything(inner=Inner(7))),
        ({"inners": {"x": {"depth": 2}}}, Everything(inners={"x": Inner(2)})),
        ({"drawn": 5}, Everything(drawn=Constant(5))),
        ({"drawn": [1, 2]}, Everything(drawn=Choice((1, 2)))),
        ({"drawn": {"dist": "uniform", "low": 1, "high": 2}}, Everything(drawn=Uniform(1.0, 2.0))),
        (
            {"drawn": {"dist": "mixture", "parts": [1, {"dist": "uniform", "low": 1, "high": 2}]}},
            Everything(drawn=Mixture((Constant(1), Uniform(1.0, 2.0)))),
        ),
        (
            {"drawn": {"dist": "relative", "of": "length", "factor": 0.5}},
            Everything(drawn=Relative("length", Constant(0.5))),
        ),
        ({"color": "red"}, Everything(color=Palette(("red",)))),
        ({"color": ["red", [0, 0, 255]]}, Everything(color=Palette(("red", "blue")))),
    ],
)
def test_values_become_their_types(node: dict[str, Any], expected: Everything) -> None:
    made = make(Everything, node, "top")
    assert made == expected
    assert repr(made) == repr(expected)  # 3 is not 3.0


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"wohle": 1}, ["top.wohle", "did you mean 'whole'"]),
        ({1: 1}, ["top.1"]),
        ({"whole": 1.5}, ["top.whole", "1.5", "whole number"]),
        ({"whole": "x"}, ["top.whole", "'x'"]),
        ({"whole": True}, ["top.whole", "True"]),
        ({"whole": None}, ["top.whole", "null"]),
        ({"whole": [1]}, ["top.whole", "[1]"]),
        ({"whole": {}}, ["top.whole", "{}"]),
        ({"whole": float("nan")}, ["top.whole", "nan"]),
        ({"whole": float("inf")}, ["top.whole", "inf"]),
        ({"real": float("nan")}, ["top.real", "nan"]),
        ({"real": float("-inf")}, ["top.real", "-inf"]),
        ({"real": True}, ["top.real", "True"]),
        ({"real": "1,0"}, ["top.real", "'1,0'"]),
        ({"real": "nan"}, ["top.real", "'nan'", "finite"]),
        ({"real": "1e999"}, ["top.real", "'1e999'", "finite"]),
        ({"whole": "1.5"}, ["top.whole", "'1.5'", "whole number"]),
        ({"whole": "9" * 5000}, ["top.whole", "'999"]),
        ({"whole": ""}, ["top.whole", "''"]),
        ({"real": 10**400}, ["top.real", "100", "a finite number"]),
        ({"text": 1}, ["top.text", "1", "a string"]),
        ({"truth": 1}, ["top.truth", "true or false"]),
        ({"truth": "maybe"}, ["top.truth", "'maybe'"]),
        ({"mode": "c"}, ["top.mode", "'c'", "a, b"]),
        ({"mode": ["a"]}, ["top.mode", "['a']"]),
        ({"pair": [1]}, ["top.pair", "1 item", "2"]),
        ({"pair": 1}, ["top.pair", "1", "list"]),
        ({"pair": [1, "x"]}, ["top.pair[1]", "'x'"]),
        ({"pair": {"a": 1, "b": 2}}, ["top.pair", "list"]),
        ({"many": "abc"}, ["top.many", "'abc'", "list"]),
        ({"either": "x"}, ["top.either", "'x'"]),
        ({"inner": 5}, ["top.inner", "5"]),
        ({"inner": {"deep": 1}}, ["top.inner.deep", "depth"]),
        ({"inner": {"_target_": "synthdata.encoders.Png"}}, ["top.inner", "Inner"]),
        ({"inners": [1]}, ["top.inners", "[1]", "mapping"]),
        ({"inners": {"x": {"deep": 1}}}, ["top.inners.x.deep", "depth"]),
        ({"drawn": {"low": 1}}, ["top.drawn", "dist", "uniform"]),
        ({"drawn": {"dist": "unifrom"}}, ["top.drawn.dist", "'unifrom'", "'uniform'"]),
        ({"drawn": {"dist": ["uniform"]}}, ["top.drawn.dist", "['uniform']"]),
        ({"drawn": {"dist": 5}}, ["top.drawn.dist", "5"]),
        ({"drawn": {"dist": None}}, ["top.drawn"]),
        ({"drawn": {"dist": "uniform", "low": 1}}, ["top.drawn.high", "missing"]),
        ({"drawn": {"dist": "uniform", "low": 3, "high": 2}}, ["top.drawn", "low=3", "high=2"]),
        ({"drawn": {"dist": "uniform", "low": 1, "hgih": 2}}, ["top.drawn.hgih", "'high'"]),
        ({"drawn": {"dist": "palette", "colors": ["red"]}}, ["top.drawn.dist", "'palette'"]),
        ({"drawn": {"dist": "mixture", "parts": [{"dist": "x"}]}}, ["top.drawn.parts[0].dist"]),
        ({"drawn": float("nan")}, ["top.drawn", "nan"]),
        ({"drawn": [1, float("nan")]}, ["top.drawn", "nan"]),
        ({"drawn": [[1, 2]]}, ["top.drawn", "[1, 2]"]),
        ({"drawn": []}, ["top.drawn", "empty"]),
        ({"color": "nocolor"}, ["top.color", "'nocolor'"]),
        ({"color": []}, ["top.color", "empty"]),
        ({"color": 5}, ["top.color", "5"]),
        ({"color": {"dist": "uniform", "low": 0, "high": 1}}, ["top.color.dist", "'uniform'"]),
        ({"whole": 666}, ["top", "not this one"]),
    ],
)
def test_a_wrong_value_is_one_sentence_with_its_key(node: dict[str, Any], words: list[str]) -> None:
    text = refused(node)
    for word in words:
        assert word in text, text


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
FIELDS = st.sampled_from([f for f in Everything.__dataclass_fields__ if f != "anything"])


@given(st.dictionaries(FIELDS, PLAIN, max_size=3))
def test_whatever_a_config_holds_the_answer_is_an_object_or_a_sentence(node: dict) -> None:
    try:
        made = make(Everything, node, "top")
    except ConfigError as error:
        assert str(error).startswith("top"), str(error)
    else:
        assert isinstance(made, Everything)


@given(st.one_of(PLAIN, st.dictionaries(st.sampled_from(["dist", "low", "high"]), PLAIN)))
def test_whatever_stands_for_a_distribution(node: Any) -> None:
    try:
        made = distribution(node, "key")
    except ConfigError as error:
        assert str(error).startswith("key"), str(error)
    else:
        assert isinstance(made, Distribution)


@given(st.sampled_from(sorted(Config.__dataclass_fields__)), PLAIN)
def test_whatever_a_run_config_holds(key: str, value: Any) -> None:
    try:
        Config.from_mapping({key: value})
    except ConfigError as error:
        assert str(error).startswith(key), str(error)


@pytest.mark.parametrize(
    "made",
    [
        Png(level=3),
        Agg(supersample=2),
        Lines(width=Mixture((Constant(1.0), Uniform(2.0, 3.0)), (1.0, 2.0))),
        Lines(width=Relative("length", Constant(0.1), low=1.0)),
        Lines(fill=None, color=Palette(("red", "blue"), weights=(1.0, 2.0), min_contrast=2.0)),
    ],
    ids=repr,
)
def test_describe_is_the_inverse_of_build(made: Any) -> None:
    node = describe(made)
    base = next(b for b in (Encoder, Renderer, Primitive) if isinstance(made, b))
    assert build(node, base, "") == made
    again = yaml.safe_load(yaml.safe_dump(node))
    assert repr(build(again, base, "")) == repr(made)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("os.system", ["'os.system'", "outside synthdata", "plugins=[os]"]),
        ("subprocess.Popen", ["outside synthdata"]),
        ("synthdatax.Evil", ["outside synthdata"]),
        ("synthdata", ["dotted class name"]),
        ("", ["dotted class name"]),
        (5, ["5", "dotted class name"]),
        (None, ["None"]),
        (["synthdata.encoders.Png"], ["dotted class name"]),
        (".encoders.Png", ["dotted class name"]),
        ("synthdata..Png", []),
        ("synthdata.encoders.", []),
        ("synthdata.encoders.Pnq", ["'Pnq'", "'Png'"]),
        ("synthdata.nowhere.Png", ["synthdata.nowhere"]),
        ("synthdata.encoders.png.Png.encode", []),
        ("synthdata.encoders.Encoder", ["Encoder"]),
        ("synthdata.renderers.Agg", ["synthdata.renderers.Agg", "Encoder"]),
        ("synthdata.encoders.png.zlib", []),
        ("synthdata.encoders.png.isal_zlib.compress", []),
        ("synthdata.__main__.main", []),
        ("synthdata.__main__.Png", []),
        ("synthdata.cli.main", []),
        ("synthdata.encoders.png.Png\n", []),
    ],
)
def test_only_classes_of_the_right_kind_can_be_named(target: Any, words: list[str]) -> None:
    modules = set(sys.modules)
    with pytest.raises(ConfigError) as caught:
        build({"_target_": target}, Encoder, "encoder")
    text = str(caught.value)
    assert text.startswith("encoder._target_: ")
    for word in words:
        assert word in text, text
    imported = {m for m in set(sys.modules) - modules if not m.startswith("synthdata")}
    assert not imported, "a refused name imported something"


STRANGER = """
import dataclasses, pathlib
from synthdata.encoders import Encoder
pathlib.Path({trace!r}).write_text("code of the config's choice has run")

@dataclasses.dataclass(frozen=True)
class Null(Encoder):
    suffix = ".null"
    size: int = 1
    def encode(self, image, dpi):
        return b"" * self.size

class Bare(Encoder):
    suffix = ".null"
    def encode(self, image, dpi):
        return b""
"""


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that could be imported, and the file that tells that it was."""
    trace = tmp_path / "trace"
    (tmp_path / "stranger_module.py").write_text(STRANGER.format(trace=str(trace)))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "stranger_module", raising=False)
    return trace


def test_a_plugin_is_built_only_when_the_caller_lists_it(stranger: Path) -> None:
    node = {"_target_": "stranger_module.Null", "size": 2}
    with pytest.raises(ConfigError, match="outside synthdata"):
        build(node, Encoder, "encoder")
    assert not stranger.exists()
    with pytest.raises(ConfigError, match="outside synthdata"):
        build(node, Encoder, "encoder", plugins=["stranger_modul", "stranger_module.Nul"])
    assert not stranger.exists()
    made = build(node, Encoder, "encoder", plugins=["stranger_module"])
    assert stranger.exists()
    assert describe(made) == node
    with pytest.raises(ConfigError, match="Primitive"):
        build(node, Primitive, "primitives.x", plugins=["stranger_module"])
    with pytest.raises(ConfigError, match="dataclass"):
        build({"_target_": "stranger_module.Bare"}, Encoder, "encoder", ["stranger_module"])


def test_a_run_from_a_stranger_runs_no_code(stranger: Path, tmp_path: Path) -> None:
    """Promise 5: not even when its config lists the plugin itself."""
    node = Config().to_mapping()
    node["encoder"] = {"_target_": "stranger_module.Null"}
    node["plugins"] = ["stranger_module"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(node))
    with pytest.raises(ConfigError, match="outside synthdata"):
        Config.load(tmp_path / "config.yaml")
    assert not stranger.exists()
    assert Config.load(tmp_path / "config.yaml", ["stranger_module"]).encoder.suffix == ".null"


KINDS = """
import dataclasses
import enum
import typing
from pathlib import Path
from synthdata.distributions import Constant, Distribution, Mixture, Uniform
from synthdata.encoders import Png
from synthdata.primitives import fraction

class Number(enum.IntEnum):
    TWO = 2

class Hue(enum.Enum):
    RED = "red"
    BLUE = 2

@dataclasses.dataclass(frozen=True, kw_only=True)
class Kinds(Png):
    hue: Hue = Hue.RED
    hues: tuple[Hue, ...] = (Hue.BLUE,)
    file: Path = Path("a/b")
    other: Path | None = None

@dataclasses.dataclass(frozen=True, kw_only=True)
class Odd(Png):
    what: complex = 3j

@dataclasses.dataclass(frozen=True, kw_only=True)
class Other(Png):
    hue: Hue | str = Hue.RED

@dataclasses.dataclass(frozen=True, kw_only=True)
class Any(Png):
    file: typing.Any = Path("x")

@dataclasses.dataclass(frozen=True, kw_only=True)
class Keys(Png):
    sizes: typing.Mapping[Hue, int] = dataclasses.field(default_factory=lambda: {Hue.RED: 1})

@dataclasses.dataclass(frozen=True, kw_only=True)
class Whole(Png):
    number: int = Number.TWO

@dataclasses.dataclass(frozen=True, kw_only=True)
class Endless(Png):
    number: float = float("inf")

@dataclasses.dataclass(frozen=True, kw_only=True)
class Unread(Png):
    share: float = 1
    pair: tuple[float, ...] = (1, 2.5)
    drawn: Distribution = Uniform(0, 1)
    lengths: Distribution = fraction(Mixture((Uniform(1, 2), Constant(3))))
"""


@pytest.fixture
def kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "kinds_module.py").write_text(KINDS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("kinds_module")
    del sys.modules["kinds_module"]


@pytest.mark.parametrize(
    ("given", "field", "read"),
    [
        ({}, "hue", "Hue.RED"),
        ({"hue": "BLUE"}, "hue", "Hue.BLUE"),
        ({"hue": "red"}, "hue", "Hue.RED"),
        ({"hue": 2}, "hue", "Hue.BLUE"),
        ({"hues": ["RED", 2]}, "hues", "(Hue.RED, Hue.BLUE)"),
        ({"file": "x.txt"}, "file", "Path('x.txt')"),
        ({"other": "x.txt"}, "other", "Path('x.txt')"),
    ],
)
def test_enumerations_and_paths(given: dict[str, Any], field: str, read: str, kinds: Any) -> None:
    node = {"_target_": "kinds_module.Kinds", **given}
    made: Any = build(node, Encoder, "encoder", ["kinds_module"])
    assert getattr(made, field) == eval(read, vars(kinds))
    config = Config(encoder=made)
    again = Config.from_mapping(yaml.safe_load(config.to_yaml()), ["kinds_module"])
    assert again == config
    assert again.fingerprint == config.fingerprint


@pytest.mark.parametrize(
    "made",
    [
        {"primitives": {"lines": Lines(width=Uniform(1, 4), length=Uniform(0, 1))}},
        {"primitives": {"lines": Lines(width=Uniform(np.float32(1), np.int64(4)))}},
        {"primitives": {"lines": Lines(width=Constant(2), x=Choice([0, np.float64(1)]))}},
        {"primitives": {"lines": Lines(angle=Mixture((Uniform(0, 1), Constant(7)), (1, 2)))}},
        {"canvas": Canvas(size=[np.int64(64), 48], dpi=96), "seed": np.int64(7)},
        {
            "axes": Product(
                values={"turn": Linspace(low=0, high=90, size=4), "far": Listed(given=(1, 2.5))}
            ),
            "primitives": {"lines": Lines(angle=Coordinate("turn", factor=2, plus=1))},
        },
    ],
)
def test_what_python_makes_is_what_its_file_gives_back(made: dict[str, Any]) -> None:
    """Else a run could not be resumed from its own file, or its records would differ."""
    config = Config(**made)
    again = Config.from_mapping(yaml.safe_load(config.to_yaml()))
    assert again == config
    assert repr(again) == repr(config)
    assert again.fingerprint == config.fingerprint
    first, second = Generator(config.sample_config)[3], Generator(again.sample_config)[3]
    assert json.dumps(first.record) == json.dumps(second.record)


def test_a_config_in_its_types_keeps_its_very_parts() -> None:
    lines = Lines(width=Uniform(1.0, 4.0))
    config = Config(primitives={"lines": lines})
    assert config.primitives["lines"] is lines
    assert as_read(config) is config


def test_defaults_are_those_that_a_config_gives_back(kinds: Any) -> None:
    """Whole numbers where fractions may stand: else no run of such a class could be resumed."""
    made: Any = build({"_target_": "kinds_module.Unread"}, Encoder, "encoder", ["kinds_module"])
    config = Config(encoder=made)
    again = Config.from_mapping(yaml.safe_load(config.to_yaml()), ["kinds_module"])
    assert repr(again.encoder) == repr(made)
    assert again.fingerprint == config.fingerprint
    assert type(made.share) is type(made.drawn.low) is float
    given = {
        "_target_": "kinds_module.Unread",
        "share": 2,
        "drawn": {"dist": "uniform", "low": 3, "high": 4},
    }
    kept: Any = build(given, Encoder, "encoder", ["kinds_module"])
    assert (kept.share, kept.drawn) == (2.0, Uniform(3.0, 4.0))


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"hue": "green"}, "encoder.hue: 'green' is not one of RED, BLUE"),
        ({"hue": ["RED"]}, "encoder.hue: ['RED'] is not one of RED, BLUE"),
        ({"file": 3}, "encoder.file: 3 is not a string"),
        ({"_target_": "kinds_module.Odd"}, "encoder.what: 3j cannot stand in a config; "),
        (
            {"_target_": "kinds_module.Other"},
            "encoder.hue: a config would give back 'RED' for <Hue",
        ),
        ({"_target_": "kinds_module.Any"}, "encoder.file: a config would give back 'x' for "),
        ({"_target_": "kinds_module.Keys"}, "encoder.sizes: <Hue.RED: 'red'> cannot stand in a "),
        ({"_target_": "kinds_module.Whole"}, "encoder.number: 'TWO' is not a whole number"),
        ({"_target_": "kinds_module.Endless"}, "encoder.number: inf is not a finite number"),
    ],
)
def test_what_no_config_can_hold(node: dict[str, Any], sentence: str, kinds: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"_target_": "kinds_module.Kinds", **node}, Encoder, "encoder", ["kinds_module"])
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize("body", ["raise RuntimeError('broken')", "def f(:", "import no_such_mod"])
def test_a_plugin_that_cannot_be_imported_is_a_sentence(
    body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_plugin.py").write_text(body)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match=r"broken_plugin") as caught:
        build({"_target_": "broken_plugin.X"}, Encoder, "encoder", ["broken_plugin"])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system ['true']", "a: [", "- 1", ""])
def test_a_config_file_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"config\.yaml") as caught:
        Config.load(tmp_path / "config.yaml")
    assert "\n" not in str(caught.value)


def test_coerce_takes_what_is_right_already() -> None:
    assert coerce(Png(2), Encoder, "encoder") == Png(2)
    assert coerce(Uniform(0, 1), Distribution, "x") == Uniform(0, 1)


def test_the_code_of_what_is_in_a_zip_file_or_was_typed_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application in one file has its plugins in it; a session's classes have no file."""
    text = "from synthdata.primitives import Lines\nclass Zipped(Lines): pass\n"
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as file:
        file.writestr("zipped_marks.py", text)
    monkeypatch.syspath_prepend(str(tmp_path / "app.pyz"))
    importlib.import_module("zipped_marks")
    typed = type(sys)("typed_in")
    typed.__file__ = "<stdin>"
    monkeypatch.setitem(sys.modules, "typed_in", typed)
    node = {"a": {"_target_": "zipped_marks.Zipped"}, "b": [{"_target_": "typed_in.Marks"}]}
    codes = {"zipped_marks": text.encode(), "typed_in": b""}
    assert foreign_code(node) == {k: hashlib.sha256(v).hexdigest() for k, v in codes.items()}
