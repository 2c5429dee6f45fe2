"""What is kept of config files changes nothing: configs, their types and messages are Hydra's."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import hydra
import pytest
import yaml
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf._utils import get_yaml_loader

from synthdata import sources
from synthdata.compose import compose, conf_dir
from synthdata.errors import ConfigError
from synthdata.loader import Loader
from synthdata.refusals import config_error

OPTIONS = [(p.parent.name, p.stem) for p in sorted(conf_dir().glob("*/*.yaml"))]
HYDRAS = Path(hydra.__file__).parent / "conf"


class Plain(Loader):
    """The same loader over Hydra's own sources, which keep nothing."""

    def __init__(self, search_path: Any) -> None:
        super().__init__(search_path)
        self.repository = ConfigRepository(search_path)


def outcome(
    kind: type[Loader],
    overrides: Sequence[str],
    mode: RunMode = RunMode.RUN,
    folder: Path | None = None,
) -> Any:
    """The composed config with all that OmegaConf knows of it, or the messages."""
    search_path = create_config_search_path(str(conf_dir()))
    if folder is not None:
        search_path.prepend("caller", f"file://{folder}", SearchPathQuery(provider="main"))
    loader = kind(search_path)
    try:
        return described(loader.load_configuration("config", list(overrides), mode))
    except Exception as error:
        return str(error), str(config_error(error, loader, overrides))


def described(node: Any) -> Any:
    kept = {k: str(v) for k, v in vars(node._metadata).items() if k != "resolver_cache"}
    content = vars(node)["_content"] if OmegaConf.is_config(node) else None
    if isinstance(content, dict):
        return kept, [(key, described(child)) for key, child in content.items()]
    if isinstance(content, list):
        return kept, [described(child) for child in content]
    return kept, repr(node._value())


CASES = [
    ["primitives=[lines,circles]", "effects=[blur]", "n=3"],
    ["recipe=dsprites"],
    ["recipe=fractaldb", "primitives=[fractals,lines]"],
    ["hydra/job_logging=default", "hydra.searchpath=3"],
    ["effects=[blur,nope]"],
    ["effects=[blur]", "effects.blur.sgima=1"],
]


@pytest.mark.parametrize("overrides", CASES, ids=" ".join)
def test_composes_as_without_what_is_kept(overrides: list[str]) -> None:
    expected = outcome(Plain, overrides)
    assert outcome(Loader, overrides) == expected
    assert outcome(Loader, overrides) == expected


@pytest.mark.slow
@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_every_option_composes_as_without_what_is_kept(group: str, option: str) -> None:
    expected = outcome(Plain, [f"{group}={option}"])
    assert outcome(Loader, [f"{group}={option}"]) == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_random_overrides_compose_as_without_what_is_kept(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(30):
        overrides = [some_override(rng) for _ in range(rng.randint(1, 3))]
        mode = rng.choice([RunMode.RUN, RunMode.MULTIRUN])
        expected = outcome(Plain, overrides, mode)
        assert outcome(Loader, overrides, mode) == expected, (overrides, mode)


def some_override(rng: random.Random) -> str:
    """One that somebody might type, good or bad."""
    group, option = rng.choice(OPTIONS)
    values = ["1", "0.5", "null", "[1,2]", "{dist: uniform, low: 0, high: 1}", "abc", "${n}", "???"]
    value = rng.choice([*values, "1,2", "-3", "[a,b]", "{a:1}", "'", "[", "é", "1e400", "${nope}"])
    key = rng.choice([*KEYS, "nope", "hydra.nope", "hydra/launcher", "hydra/nope"])
    sign = rng.choice(["", "", "", "", "+", "++"])
    others = [name for known, name in OPTIONS if known == group]
    several = ",".join(rng.choice(others) for _ in range(rng.randint(0, 3)))
    return rng.choice(
        [
            *(f"{sign}{group}={option}", f"{group}=[{several}]", f"{group}={value}"),
            *(f"{sign}{key}={value}", f"{sign}{key}={value}", f"~{key}", f"~{group}={option}"),
        ]
    )


def keys(node: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in node.items():
        yield f"{prefix}{name}"
        if isinstance(value, dict):
            yield from keys(value, f"{prefix}{name}.")


KEYS = [*keys(yaml.safe_load((conf_dir() / "config.yaml").read_text())), "primitives.lines.count"]


def test_nothing_is_parsed_twice() -> None:
    compose(["recipe=dsprites"])
    before = sources._parsed.cache_info().misses
    compose(["recipe=dsprites", "n=4"])
    assert sources._parsed.cache_info().misses == before > 0


def test_what_is_handed_out_is_the_callers_own() -> None:
    loader = Loader(create_config_search_path(str(conf_dir())))
    for overrides in (["n=3"], ["recipe=dsprites"]):
        made, expected = outcome(Loader, overrides), outcome(Plain, overrides)
        config = loader.load_configuration("config", list(overrides), RunMode.RUN)
        OmegaConf.set_struct(config, False)
        config.hydra.job.name = "another"
        config.canvas.size[0] = 7
        config.canvas.new = 3
        del config.layout
        assert outcome(Loader, overrides) == made == expected


def test_a_file_that_changes_between_two_composes_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "recipe" / "mine.yaml"
    file.parent.mkdir()
    for n in (3, 4):  # of the same size and time
        file.write_text(f"# @package _global_\nn: {n}\n")
        os.utime(file, (1e9, 1e9))
        assert compose(["recipe=mine"], tmp_path)["n"] == n
    file.write_text("# @package canvas\ndpi: 4\n")
    assert outcome(Loader, ["recipe=mine"], folder=tmp_path) == outcome(
        Plain, ["recipe=mine"], folder=tmp_path
    )
    file.unlink()
    with pytest.raises(ConfigError, match="'mine' is not an option"):
        compose(["recipe=mine"], tmp_path)


def test_an_option_that_comes_up_later_counts_in_recipes(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe" / "mine.yaml"
    recipe.parent.mkdir()
    recipe.write_text("# @package _global_\neffects: {late: {a: 1}}\n")
    first = outcome(Loader, ["recipe=mine"], folder=tmp_path)
    option = tmp_path / "effects" / "late.yaml"
    option.parent.mkdir()
    option.write_text("# @package effects.late\na: 2\n")
    second = outcome(Loader, ["recipe=mine"], folder=tmp_path)
    assert second == outcome(Plain, ["recipe=mine"], folder=tmp_path) != first


@pytest.mark.parametrize(
    "text",
    ["n: 3\nn: 4\n", "a: [1, 2\n", "n:\t[1,\t2]\n", "# @package a b\n", "- 1\n", "3\n", "n: ${\n"],
)
def test_faults_of_files_are_told_as_hydra_tells_them(text: str, tmp_path: Path) -> None:
    file = tmp_path / "recipe" / "mine.yaml"
    file.parent.mkdir()
    file.write_text(text)
    made = outcome(Loader, ["recipe=mine"], folder=tmp_path)
    assert made == outcome(Plain, ["recipe=mine"], folder=tmp_path)
    if text.startswith("n: 3"):
        assert f'"{file}", line 2' in made[0]


def test_search_path_of_the_command_line_and_of_the_main_config(tmp_path: Path) -> None:
    (tmp_path / "layout").mkdir()
    (tmp_path / "layout" / "mine.yaml").write_text("_target_: a.B\n")
    given = ["layout=mine", f"hydra.searchpath=[file://{tmp_path}]"]
    assert outcome(Loader, given) == outcome(Plain, given)
    assert compose(given)["layout"] == {"_target_": "a.B"}
    main = (conf_dir() / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(f"{main}  searchpath: [file://{tmp_path}/further]\n")
    (tmp_path / "further" / "layout").mkdir(parents=True)
    (tmp_path / "further" / "layout" / "third.yaml").write_text("_target_: a.C\n")
    assert compose(["layout=third"], tmp_path)["layout"] == {"_target_": "a.C"}
    assert outcome(Loader, ["layout=third"], folder=tmp_path) == outcome(
        Plain, ["layout=third"], folder=tmp_path
    )


@pytest.mark.parametrize("node", [{"new": 1}, {"new": 1, "defaults": ["_self_"]}])
def test_what_another_application_stores_is_no_schema(
    node: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = [["layout=grid", "layout.rows=3"], ["layout=grid", "layout.rows=abc"]]
    before = [outcome(Loader, overrides) for overrides in given]
    repo: Any = ConfigStore.instance().repo
    ConfigStore.instance().store(name="config", node=node)
    ConfigStore.instance().store(group="layout", name="grid", node=node)
    try:
        monkeypatch.setattr("synthdata.loader._MERGED", {})  # composed anew
        assert [outcome(Loader, overrides) for overrides in given] == before
    finally:
        del repo["config.yaml"], repo["layout"]


def test_threads_compose_at_once() -> None:
    cases = [["n=3"], ["recipe=dsprites"], ["primitives=nope"], ["effects=[blur]"]] * 2
    sources._parsed.cache_clear()
    with ThreadPoolExecutor(len(cases)) as pool:
        made = list(pool.map(lambda overrides: outcome(Loader, overrides), cases))
    assert made == [outcome(Loader, overrides) for overrides in cases]


def test_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = [sources._parsed.__wrapped__(text) for text in texts()[:20]]
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    loaders = sources._yaml_loaders.__wrapped__()
    assert loaders[0] is loaders[1]
    monkeypatch.setattr(sources, "_yaml_loaders", lambda: loaders)
    assert [sources._parsed.__wrapped__(text) for text in texts()[:20]] == quick


def texts() -> list[str]:
    files = [*sorted(conf_dir().rglob("*.yaml")), *sorted(HYDRAS.rglob("*.yaml"))]
    return [file.read_text(encoding="utf-8") for file in files]


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML has no libyaml")
def test_libyaml_reads_what_it_is_given_as_pyyaml_does() -> None:
    _, quick = sources._yaml_loaders()
    for text in texts():
        assert repr(yaml.load(text, quick)) == repr(yaml.load(text, get_yaml_loader()))
    assert sum(map(sources._are_alike, texts())) > 0.8 * len(texts())  # most are read faster
    rng = random.Random(3)
    read = sum(read_alike(some_text(rng), quick) for _ in range(800))
    assert read > 100


def read_alike(text: str, quick: Any) -> bool:
    """Whether libyaml read it, and then as PyYAML does; what it refuses PyYAML reads."""
    if not sources._are_alike(text):
        return False
    try:
        data = yaml.load(text, quick)
    except (yaml.YAMLError, ValueError):
        return False
    assert repr(data) == repr(yaml.load(text, get_yaml_loader())), text
    return True


def some_text(rng: random.Random) -> str:
    """A few lines of YAML with a few strokes too many or too few."""
    lines = ["a: [1, 2]", "b: {c: d}", "- x", "t: |\n  l1\n   l2", "u: >-\n  f", "k: v # c"]
    marks = [*" \n:-[]{},'\"#|>@`01.e~_=/+<$!?*&%\\\té", "  ", ": ", "- ", "\n  ", "${a}", "<<: "]
    words = ["|2+\n", "---\n", "...\n", "1e3", "1_0", "0x1f", "07", "1:30", "yes", "2020-01-01"]
    text = "\n".join(rng.choice(lines) for _ in range(rng.randint(1, 4)))
    for _ in range(rng.randint(1, 3)):
        k = rng.randrange(len(text) + 1)
        text = text[:k] + rng.choice(marks + words) + text[k + rng.choice([0, 0, 1, 2]) :]
    return text
