"""From overrides to checked configs: every shipped option, and what users type."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from shipped import only

import synthdata
from synthdata.api import config
from synthdata.compose import changed, compose, conf_dir
from synthdata.config import Config
from synthdata.distributions import Choice, Constant, IntUniform, Normal, Palette, Uniform
from synthdata.errors import ConfigError
from synthdata.generator import Generator
from synthdata.loader import LISTS, OPTIONAL
from synthdata.primitives.base import Draw, draw_count
from synthdata.refusals import config_error
from synthdata.replies import Answers

#: What other packages some options need.
NEEDS = {"renderer=opencv": "cv2", "renderer=svg": "resvg_py"}
#: What else some have to be told.
TOLD = {
    "labels=captions_llm": "services=openai",
    "services=recorded": "services.run=runs/one",
    "axes=union": "axes.parts=[{axes: product, values: {a: 3}}]",
    **dict.fromkeys(
        (f"axes={name}" for name in ("product", "zip", "selection", "random", "latin", "sobol")),
        "axes.values={a: 3}",
    ),
}


def options() -> list[tuple[str, str]]:
    """(group, option) for every option that a run's config can choose."""
    return [(group, option) for group, option in files() if group != "space"]  # for tune only


def files() -> list[tuple[str, str]]:
    """(group, name) of every file below a config group."""
    found = ((p.parent.name, p.stem) for p in sorted(conf_dir().glob("*/*.yaml")))
    return [(group, name) for group, name in found if group != "hydra"]


def primitives() -> list[str]:
    return [name for group, name in options() if group == "primitives"]


def shipped() -> list[Any]:
    return [pytest.param(group, option, id=f"{group}={option}") for group, option in options()]


@pytest.mark.parametrize(("group", "option"), shipped())
def test_every_shipped_option_composes_builds_and_draws(group: str, option: str) -> None:
    override = f"{group}={option}"
    if override in NEEDS:
        pytest.importorskip(NEEDS[override])
    known = group == "recipe"  # whose pictures have a size of their own
    made = config(
        [
            override,
            *filter(None, [TOLD.get(override)]),
            *(() if known else ("canvas.size=[96,80]",)),
        ]
    )
    assert Config.from_mapping(made.to_mapping()) == made
    if group in ("primitives", "effects"):  # as other tests have it
        assert getattr(made, group) == getattr(only(group, option), group)
    generator = Generator(made.sample_config)
    generator.answers = Answers({question.key: "" for question in generator.questions(0)})
    record, files = generator.encode(generator[0])
    assert record["file_name"] in files
    size = (record["height"], record["width"])
    assert generator[0].image.shape[:2] == (size if known else (80, 96))


@pytest.mark.parametrize(("group", "option"), files())
def test_every_key_of_a_shipped_option_says_what_it_is(group: str, option: str) -> None:
    """The comments are what --help and the documentation show."""
    lines = (conf_dir() / group / f"{option}.yaml").read_text().splitlines()
    if lines[0].startswith("# @package"):
        package = "_global_" if group == "recipe" else f"{group}.{option}"
        assert lines.pop(0) == f"# @package {package}"
    assert lines.pop(0).startswith("# "), "the first line says what the option is"
    for line in lines:
        skipped = line.startswith((" ", "#", "_target_", "defaults:"))
        if line and not skipped and not line.endswith(("[", ":")):
            assert "  # " in line, f"no comment: {line}"


@pytest.mark.slow
def test_one_group_or_a_list() -> None:
    assert list(config(["primitives=lines"]).primitives) == ["lines"]
    assert list(config(["primitives=[lines]"]).primitives) == ["lines"]
    assert list(config([]).primitives) == ["lines"]
    many = primitives()
    backwards = many[::-1]
    assert list(config([f"primitives=[{','.join(many)}]"]).primitives) == many
    assert list(config([f"primitives=[{','.join(backwards)}]"]).primitives) == backwards


def test_a_string_is_one_override() -> None:
    assert compose("seed=7") == compose(["seed=7"])


@pytest.mark.parametrize("group", ["axes", "recipe", "services", "effects"])
def test_null_chooses_none(group: str) -> None:
    assert config([f"{group}=null"]) == config([])


def test_null_takes_back_what_stands_before_it() -> None:
    assert config(["labels=null"]).labels == {}
    assert config(["effects=[blur]", "effects=null"]).effects == {}


def test_null_in_a_config_that_is_there() -> None:
    node = compose(["effects=[blur]", "axes=product"])
    assert changed(node, ["effects=null"])["effects"] == {}
    assert changed(node, ["axes=null"])["axes"] is None
    with pytest.raises(ConfigError, match=r"^recipe=charts: sets up a whole config"):
        changed(node, ["recipe=charts"])


def test_which_groups_take_lists_and_which_none() -> None:
    """As the defaults list of the main config has them."""
    main = yaml.safe_load((conf_dir() / "config.yaml").read_text())["defaults"]
    choices = {k: v for item in main if isinstance(item, dict) for k, v in item.items()}
    assert tuple(k for k, v in choices.items() if isinstance(v, list)) == LISTS
    assert {k for k, v in choices.items() if v is None} == {*OPTIONAL}


def test_a_count_without_a_bound_is_checked_when_it_is_drawn() -> None:
    made = config(["primitives.lines.count={dist: poisson, rate: 1000000}"])
    counts = made.primitives["lines"].count
    rng = np.random.default_rng(0)
    draw = Draw(8, 8, (255, 255, 255), rng, rng)
    with pytest.raises(ConfigError, match=r"^count: 1\d{6} was drawn; .* from 0 to 1000000$"):
        [draw_count(counts, draw) for _ in range(100)]


def test_the_order_of_marks_is_the_order_of_the_list() -> None:
    if "circles" not in primitives():
        pytest.skip("circles are not shipped")
    for names in (["lines", "circles"], ["circles", "lines"]):
        made = config([f"primitives=[{','.join(names)}]"])
        scene = Generator(made.sample_config).scene(0)
        categories = list(dict.fromkeys(m.category for m in scene.marks))
        assert categories == [n[:-1] for n in names]


def test_an_order_is_a_config_of_its_own() -> None:
    """Which is in front decides pixels, so it decides the fingerprint."""
    for group, two in (("primitives", primitives()[:2]), ("effects", ["blur", "tone"])):
        one = config([f"{group}=[{','.join(two)}]"])
        other = config([f"{group}=[{','.join(two[::-1])}]"])
        assert len(two) < 2 or one.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("overrides", "field", "expected"),
    [
        (["primitives.lines.width=3"], "width", Constant(3)),
        (["primitives.lines.width=2.5"], "width", Constant(2.5)),
        (["primitives.lines.width.high=6"], "width", Uniform(1.0, 6.0)),
        (["primitives.lines.width=[1,2]"], "width", Choice((1, 2))),
        (
            ["primitives.lines.width={dist: normal, mean: 3, std: 1, low: 1}"],
            "width",
            Normal(3.0, 1.0, 1.0),
        ),
        (
            ["primitives.lines.width={dist:normal,mean:3,std:1}"],
            "width",
            Normal(3.0, 1.0),
        ),
        (
            ["primitives.lines.width={dist: uniform, low: 2, high: 9}"],
            "width",
            Uniform(2.0, 9.0),
        ),
        (
            ["primitives.lines.width={dist: int_uniform, low: 2, high: 9}"],
            "width",
            IntUniform(2, 9),
        ),
        (
            [
                "primitives.lines.width={dist: normal, mean: 3, std: 1}",
                "primitives.lines.width.mean=4",
            ],
            "width",
            Normal(4.0, 1.0),
        ),
        (
            [
                "primitives.lines.width={dist: normal, mean: 3, std: 1}",
                "primitives.lines.width={dist: uniform, low: 2, high: 9}",
            ],
            "width",
            Uniform(2.0, 9.0),
        ),
        (
            ["primitives.lines.width={dist: normal, mean: 3, std: 1}", "primitives.lines.width=7"],
            "width",
            Constant(7),
        ),
        (
            ["primitives.lines.width=7", "primitives.lines.width={dist: uniform, low: 2, high: 9}"],
            "width",
            Uniform(2.0, 9.0),
        ),
        (
            ["primitives.lines.count={dist: int_uniform, low: 2, high: 9}"],
            "count",
            IntUniform(2, 9),
        ),
        (["primitives.lines.count=[1,2,5]"], "count", Choice((1, 2, 5))),
        (["primitives.lines.color=red"], "color", Palette(("red",))),
        (["primitives.lines.color='#ff0000'"], "color", Palette(("red",))),
        (["primitives.lines.color=[red,blue]"], "color", Palette(("red", "blue"))),
        (["primitives.lines.color=[[255,0,0]]"], "color", Palette(("red",))),
        (
            ["primitives.lines.color={dist: palette, colors: [red, blue], weights: [1, 2]}"],
            "color",
            Palette(("red", "blue"), (1.0, 2.0)),
        ),
        (["primitives.lines.dash=[solid,dotted]"], "dash", Choice(("solid", "dotted"))),
        (["++primitives.lines.width={dist: uniform, low: 2, high: 9}"], "width", Uniform(2.0, 9.0)),
    ],
)
def test_a_value_takes_the_place_of_a_distribution(
    overrides: list[str], field: str, expected: Any
) -> None:
    made = getattr(config(overrides).primitives["lines"], field)
    assert repr(made) == repr(expected)


def test_backgrounds() -> None:
    assert config(["canvas.background=[white,black]"]).canvas.background == Palette(
        ("white", "black")
    )
    made = config(["canvas.background={dist: hsv, value: [0.9, 1.0]}"]).canvas.background
    assert made.value == (0.9, 1.0)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("primitives=linez", ["primitives", "'linez'", "'lines'"]),
        ("primitives=[lines,linez]", ["primitives", "'linez'", "'lines'"]),
        ("primitve=lines", ["primitve", "'primitives'"]),
        ("effects=[blurr]", ["effects", "'blurr'", "'blur'"]),
        ("encoder=pngg", ["encoder", "'pngg'", "'png'"]),
        ("nn=5", ["nn", "'n'"]),
        ("canvas.sise=[1,1]", ["canvas.sise", "'size'"]),
        ("canvas.size.x=1", ["canvas.size.x=1"]),
        ("primitives.lines.widht=3", ["primitives.lines.widht", "'width'"]),
        ("primitives.lines.widht=[3,4]", ["primitives.lines.widht", "'width'"]),
        (
            "primitives.lines.widht={dist: uniform, low: 1, high: 2}",
            ["primitives.lines.widht", "'width'"],
        ),
        ("primitives.line.width=3", ["primitives.line", "'lines'"]),
        ("primitives.lines.width.hihg=3", ["primitives.lines.width.hihg", "'high'"]),
        ("encoder.quality=5", ["encoder.quality", "level"]),
        ("n=1,2", ["n", "-m"]),
        ("primitives=[lines", ["primitives=[lines"]),
        ("seed=${nope}", ["seed", "nope"]),
        ("seed=${oc.env:NO_SUCH_VARIABLE}", ["seed", "NO_SUCH_VARIABLE"]),
        ("seed=${n", ["seed"]),
        ("seed=${nothing:1}", ["nothing"]),
        ("n=???", ["n"]),
        ("+seed=3", ["seed"]),
        ("~nope", ["nope"]),
        ("+foo=3", ["foo", "no such key"]),
        ("plugins=5", ["plugins", "5", "list"]),
        ("plugins=me", ["plugins", "'me'", "list"]),
        ("plugins=[1]", ["plugins", "1"]),
        ("primitives=null", ["primitives", "draws nothing"]),
        ("primitives=[]", ["primitives", "[]"]),
        ("primitives.lines=5", ["primitives.lines", "5"]),
        ("canvas=5", ["canvas", "5"]),
        ("engine=5", ["engine=5"]),
    ],
)
def test_what_cannot_be_composed_is_one_sentence(override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config([override])
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text


def test_any_other_error_is_a_sentence_too() -> None:
    assert str(config_error(RuntimeError())) == "RuntimeError"
    assert str(config_error(RuntimeError("first\nsecond"))) == "first"
    assert config_error(ConfigError("n: no")).args == ("n: no",)


def test_a_config_folder_of_ones_own(tmp_path: Path) -> None:
    group = tmp_path / "primitives"
    group.mkdir()
    (group / "fat.yaml").write_text(
        "# @package primitives.fat\n_target_: synthdata.primitives.Lines\nwidth: 20\n"
    )
    made = config(["primitives=[lines,fat]"], config_dir=tmp_path)
    assert made.primitives["fat"].width == Constant(20)  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="fat"):
        config(["primitives=[lines,fat]"])
    with pytest.raises(ConfigError, match="not a folder"):
        config([], config_dir=tmp_path / "nowhere")


def test_composing_touches_nothing_global() -> None:
    from hydra.core.global_hydra import GlobalHydra

    before = GlobalHydra.instance().hydra
    compose(["primitives=lines"])
    assert GlobalHydra.instance().hydra is before
    Generator.from_config(["primitives=lines"])
    assert synthdata.Generator is Generator


def test_all_keys_that_users_type_are_there() -> None:
    node = compose([])
    keys = {
        *("n", "seed", "shard_size", "canvas", "primitives", "layout", "style", "effects", "labels")
    }
    keys |= {
        *("renderer", "encoder", "writer", "engine", "failures", "plugins", "output", "shards")
    }
    keys |= {"split", "exports", "card", "report", "parallel"}
    assert keys == set(node)
    assert {"size", "background", "dpi"} <= set(node["canvas"])
    assert {"max_rate", "max_count", "max_consecutive", "timeout_s"} == set(node["failures"])
    assert node["engine"]["workers"] is None


def test_the_saved_config_alone_rebuilds_the_run(tmp_path: Path) -> None:
    overrides = ["primitives.lines.width={dist: normal, mean: 3, std: 1, low: 1}", "seed=9"]
    made = config([*overrides, "effects=[blur]", "canvas.background=[white,red]"])
    (tmp_path / "config.yaml").write_text(made.to_yaml())
    again = Config.load(tmp_path / "config.yaml")
    assert again == made
    assert repr(again) == repr(made)
    assert again.fingerprint == made.fingerprint
    assert again.to_yaml() == made.to_yaml()


def test_the_fingerprint_covers_what_word_lists_say(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    override = ["primitives=text", f"primitives.text.vocabulary={words}"]
    found = []
    for text in ("one two", "one three", "one two"):
        words.write_text(text.replace(" ", "\n"))
        found.append(config(override).fingerprint)
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize(
    ("override", "decides"),
    [
        ("n=7", False),
        ("shard_size=7", False),
        ("engine=serial", False),
        ("engine.workers=1", False),
        ("failures.max_count=3", False),
        ("seed=1", True),
        ("canvas.size=[5,5]", True),
        ("canvas.dpi=100", True),
        ("canvas.mode=grey", True),
        ("canvas.background=black", True),
        ("primitives.lines.width=3", True),
        ("encoder.level=3", True),
        ("renderer.supersample=2", True),
        ("layout=grid", True),
        ("effects=[blur]", True),
        ("labels=[]", True),
    ],
)
def test_the_fingerprint_covers_what_decides_bytes(override: str, decides: bool) -> None:
    assert (config([override]).fingerprint != plain_fingerprint()) == decides


@functools.cache
def plain_fingerprint() -> str:
    return config([]).fingerprint


@pytest.mark.parametrize("text", ["", "# nothing\n", "seed: 3\n"])
def test_a_recipe_that_sets_nothing_says_what_its_file_lacks(text: str, tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"recipe: 'mine' sets no key .* '# @package _global_'"):
        compose(["recipe=mine"], tmp_path)
