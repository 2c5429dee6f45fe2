"""The structured configs that are derived from the dataclasses, and what is composed into them."""

from __future__ import annotations

import dataclasses
import importlib
import pickle
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import yaml
from hydra._internal.utils import create_config_search_path
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigKeyError, ReadonlyConfigError, ValidationError

import synthdata
from synthdata.api import config
from synthdata.axes.base import Axes
from synthdata.compose import compose, conf_dir, plain
from synthdata.config import Config
from synthdata.distributions import Constant
from synthdata.errors import ConfigError
from synthdata.loader import LISTS, Loader
from synthdata.primitives import Lines
from synthdata.sample_config import SampleConfig
from synthdata.schema import option, structured, typed

#: What some options have to be told besides.
TOLD = {"labels=captions_llm": "services=openai", "services=recorded": "services.run=runs/one"}
FILES = [p for p in sorted(conf_dir().glob("*/*.yaml")) if p.parent.name not in ("space", "hydra")]
OPTIONS = [f"{p.parent.name}={p.stem}" for p in FILES]


def classes() -> list[type]:
    """The class of every shipped option."""
    found = {}
    for path in FILES:
        target = (yaml.safe_load(path.read_text()) or {}).get("_target_")
        if target is not None:
            module, _, name = target.rpartition(".")
            found[target] = getattr(importlib.import_module(module), name)
    return list(found.values())


def composed(*overrides: str) -> Any:
    """As Hydra composes it, without types."""
    loader = Loader(create_config_search_path(str(conf_dir())))
    return loader.load_configuration("config", list(overrides), RunMode.RUN)


@cache
def frozen() -> Any:
    return typed(Config, composed("effects=[camera]", "labels=[marks,segments]"))


# The derived types


def test_a_field_has_the_type_that_the_dataclass_gives_it() -> None:
    hints = get_type_hints(structured(Config))
    assert hints["seed"] is int
    assert hints["n"] == int | None
    assert hints["canvas"] is structured(synthdata.sample_config.Canvas)
    assert hints["report"] == structured(synthdata.config.Report) | None
    assert hints["plugins"] == list[str]
    assert {hints[name] for name in ("layout", "primitives", "engine", "axes")} == {Any}
    canvas = get_type_hints(hints["canvas"])
    assert (canvas["size"], canvas["dpi"]) == (list[int], float)
    assert (canvas["mode"], canvas["background"]) == (str, Any)


def test_nothing_is_written_twice() -> None:
    """Every field is there, in the order of the class, with a default that means the same."""
    for cls in (Config, SampleConfig):
        names = [f.name for f in dataclasses.fields(cls)]
        assert [f.name for f in dataclasses.fields(structured(cls))] == names
        node = OmegaConf.to_container(OmegaConf.structured(structured(cls)))
        assert isinstance(node, dict)
        assert cls.from_mapping(node) == cls()


@pytest.mark.parametrize("cls", classes(), ids=lambda cls: cls.__name__)
def test_every_shipped_class_has_a_structured_config(cls: Any) -> None:
    from synthdata.components import build

    node = OmegaConf.structured(option(cls))
    asked = [f.name for f in dataclasses.fields(cls) if OmegaConf.is_missing(node, f.name)]
    if issubclass(cls, Axes):  # which cannot be of nothing
        with pytest.raises(ConfigError, match=r"it\.\w+: is empty; name an axis|it\.parts: "):
            build(OmegaConf.to_container(node), object, "it")
    elif not asked:
        assert build(OmegaConf.to_container(node), object, "it") == cls()
    assert pickle.loads(pickle.dumps(node)) == node


def test_a_pickle_finds_the_same_type() -> None:
    again = pickle.loads(pickle.dumps(frozen()))
    assert again == frozen()
    assert OmegaConf.get_type(again) is structured(Config)
    assert OmegaConf.get_type(again.encoder) is OmegaConf.get_type(frozen().encoder)


@pytest.mark.parametrize("name", ["nothing", "structured:", "other:synthdata:config:Config", ":"])
def test_the_module_has_no_other_names(name: str) -> None:
    with pytest.raises(AttributeError):
        getattr(synthdata.schema, name)


# What is composed


def together() -> list[list[str]]:
    """Overrides for all options of a group that can have several, and for each of the others."""
    found = []
    for group in LISTS:
        options = [option for option in OPTIONS if option.startswith(f"{group}=")]
        names = ",".join(option.partition("=")[2] for option in options)
        found.append([f"{group}=[{names}]", *(TOLD[o] for o in options if o in TOLD)])
    others = [o for o in OPTIONS if o.partition("=")[0] not in LISTS]
    return found + [[option, *filter(None, [TOLD.get(option)])] for option in others]


@pytest.mark.parametrize("overrides", together(), ids=lambda overrides: overrides[0][:30])
def test_types_change_no_value(overrides: list[str]) -> None:
    given = composed(*overrides)
    without = plain(given)
    told = plain(typed(Config, given))
    assert told == without
    for group in ("primitives", "effects", "labels"):
        assert list(told[group]) == list(without[group])  # an order is a config of its own
    assert repr(told) == repr(without)  # the order of keys is that of the files


def test_the_whole_is_read_only_and_closed_but_for_hydras_part() -> None:
    with pytest.raises(ReadonlyConfigError):
        frozen().seed = 3
    with pytest.raises(ReadonlyConfigError):
        frozen().primitives.lines.count = 3
    with pytest.raises(ConfigKeyError):
        frozen()["sede"]
    hydra = typed(Config, composed()).hydra
    hydra.output_subdir = None
    assert hydra.output_subdir is None


def test_sections_and_options_are_typed() -> None:
    assert OmegaConf.get_type(frozen()) is structured(Config)
    assert OmegaConf.get_type(frozen().canvas) is structured(synthdata.sample_config.Canvas)
    assert OmegaConf.get_type(frozen().encoder) is option(synthdata.encoders.Png)
    assert OmegaConf.get_type(frozen().effects.camera.sensor) is structured(
        synthdata.effects.sensor.Sensor
    )


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("n='5'", "n", 5),
        ("n=1e3", "n", 1000),
        ("canvas.dpi='72'", "canvas.dpi", 72.0),
        ("canvas.size=['40','30']", "canvas.size", [40, 30]),
        ("canvas.size='${oc.decode:\"[40,30]\"}'", "canvas.size", [40, 30]),
        ("renderer.antialiased='no'", "renderer.antialiased", False),
        ("seed=${oc.env:NUMBER}", "seed", 7),
        ("seed=${shard_size}", "seed", 250),
        ("canvas.size=[${oc.env:NUMBER},${seed}]", "canvas.size", [7, 0]),
        ("failures.max_rate=${oc.env:NUMBER}", "failures.max_rate", 7.0),
        ("encoder.level='1'", "encoder.level", 1),
    ],
)
def test_a_text_becomes_what_its_field_is(
    override: str, key: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMBER", "7")
    found = OmegaConf.select(typed(Config, composed(override)), key)
    found = list(found) if OmegaConf.is_config(found) else found
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("n=abc", ["n:", "'abc'", "whole number"]),
        ("canvas.size=[1,a]", ["canvas.size[1]", "'a'", "whole number"]),
        ("canvas=5", ["canvas:", "5"]),
        ("canvas=null", ["canvas:", "null"]),
        ("encoder.level=[1]", ["encoder.level", "[1]"]),
        ("renderer.antialiased=maybe", ["renderer.antialiased", "'maybe'", "true or false"]),
        ("canvas.mode=cmyk", ["canvas.mode", "'cmyk'", "rgb, grey"]),
        ("encoder._target_=synthdata.layouts.Free", ["encoder._target_", "Encoder"]),
        ("encoder._target_=synthdata.encoders.Pgn", ["encoder._target_", "'Pgn'", "'Png'"]),
        ("plugins=5", ["plugins", "5"]),
    ],
)
def test_what_has_another_type_is_not_composed(override: str, words: list[str]) -> None:
    given = composed(override)
    with pytest.raises(ConfigError) as caught:
        typed(Config, given)
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_an_interpolation_is_checked_when_it_is_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBER", "abc")
    made = typed(Config, composed("seed=${oc.env:NUMBER}"))
    with pytest.raises(ValidationError):
        _ = made.seed
    with pytest.raises(ConfigError, match=r"^seed: 'abc' is not a whole number$"):
        plain(made)


def test_nothing_is_imported_that_may_not_be_trusted(tmp_path: Path) -> None:
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout" / "mine.yaml").write_text("_target_: this_is_not.Imported\nk: 5\n")
    node = None
    with pytest.raises(ConfigError, match="outside synthdata"):
        node = config(["layout=mine"], config_dir=tmp_path)
    assert node is None
    assert compose(["layout=mine"], tmp_path, Config.typed)["layout"]["k"] == 5


# In other programs


@pytest.fixture
def store() -> Iterator[ConfigStore]:
    """Hydra's ConfigStore, as it was when the test is over."""
    found = ConfigStore.instance()
    before = {name: dict(v) if isinstance(v, dict) else v for name, v in found.repo.items()}
    yield found
    found.repo = before


def test_a_structured_config_of_yours_may_have_one_as_a_field(store: ConfigStore) -> None:
    import hydra

    train = dataclasses.make_dataclass(
        "Train",
        [
            ("data", structured(Config), dataclasses.field(default_factory=structured(Config))),
            ("epochs", int, dataclasses.field(default=3)),
        ],
    )
    store.store(name="train", node=train)
    with hydra.initialize(version_base="1.3", config_path=None):
        cfg = hydra.compose("train", ["data.n='12'", "data.canvas.size=[40,30]", "epochs=5"])
        assert (cfg.data.n, cfg.epochs) == (12, 5)
        data = synthdata.Dataset.from_config(cfg.data)
        with pytest.raises(Exception, match=r"data\.n=abc"):
            hydra.compose("train", ["data.n=abc"])
        # Composing ours leaves theirs alone.
        assert GlobalHydra.instance().is_initialized()
        assert config(["n=5"]).n == 5
        assert GlobalHydra.instance().is_initialized()
    assert len(data) == 12
    assert data[0]["image"].shape == (30, 40, 3)


def test_an_option_of_a_group_may_come_from_the_store(store: ConfigStore) -> None:
    thick = dataclasses.make_dataclass(
        "Thick", [("width", Any, dataclasses.field(default=9))], bases=(option(Lines),)
    )
    store.store(group="primitives", name="thick", package="primitives.thick", node=thick)
    made = config(["primitives=thick", "primitives.thick.count=2"])
    assert made.primitives == {"thick": Lines(width=Constant(9), count=Constant(2))}


def test_threads_compose_at_the_same_time() -> None:
    made: dict[int, Config] = {}
    threads = [
        threading.Thread(target=lambda k=k: made.update({k: config([f"seed={k}"])}))
        for k in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {k: made[k].seed for k in made} == {k: k for k in range(8)}
    assert not GlobalHydra.instance().is_initialized()


def test_a_typed_config_is_a_dict_config() -> None:
    assert isinstance(frozen(), DictConfig)
