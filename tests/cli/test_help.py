"""``--help`` says what the YAML files say, all of it, and quickly."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from synthdata import maps
from synthdata.cli import main
from synthdata.cli.conf import Conf, Group, read_option
from synthdata.cli.help import print_help
from synthdata.cli.words import COMMANDS
from synthdata.compose import conf_dir
from synthdata.errors import ConfigError

GROUPS = sorted(folder.name for folder in conf_dir().iterdir() if folder.is_dir())
OPTIONS = sorted(f"{file.parent.name}={file.stem}" for file in conf_dir().glob("*/*.yaml"))


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert print_help(arguments) == 0
    return capsys.readouterr().out


def first_comment(file: Path) -> str:
    lines = [line for line in file.read_text().splitlines() if line.startswith("# ")]
    return next(line[2:] for line in lines if not line.startswith("# @package"))


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_overview_has_every_option_with_its_first_comment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = squeezed(shown(capsys))
    for file in conf_dir().glob("*/*.yaml"):
        assert squeezed(file.stem + first_comment(file)) in text


def test_overview_has_every_key_of_the_main_config(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys)
    config = yaml.safe_load((conf_dir() / "config.yaml").read_text())
    expected = {}
    for name, value in config.items():
        if name not in {"defaults", "hydra", *GROUPS}:
            expected |= (
                {f"{name}.{k}": v for k, v in value.items()}
                if isinstance(value, dict)
                else {name: value}
            )
    assert "n" in expected
    for name, value in expected.items():
        row = re.search(rf"^    {re.escape(name)} +(.+?)  +\S", text, re.MULTILINE)
        assert row, name
        assert yaml.safe_load(row[1]) == value


@pytest.mark.parametrize("command", ["resume", "extend", "verify", "show"])
def test_overview_has_the_commands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert re.search(rf"synthdata {command} .*  [A-Z]", shown(capsys))


def test_every_key_has_a_line_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    conf = Conf()
    keys = [key for key in (*conf.option_keys(), *conf.main_keys()) if key.name not in COMMANDS]
    lines = [line for line in shown(capsys, *{k.name for k in keys}).splitlines() if line.strip()]
    rows = {squeezed(line) for line in lines}
    for key in keys:
        start = squeezed(f"{key.name}{key.default[:6]}")
        told = [row for row in rows if row.startswith(start)]
        assert any(squeezed(key.comment.split()[0]) in row for row in told), key


def test_what_a_recipe_sets_elsewhere_is_told_as_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = shown(capsys, "n").splitlines()
    first, *others = [row for row in rows if row.startswith("    n ")]
    assert "null" in first
    assert "recipe=" not in first
    assert others
    assert all("(recipe=" in line for line in others)


@pytest.mark.parametrize("option", OPTIONS)
def test_option_page_has_every_key_default_and_comment(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    group, _, name = option.partition("=")
    source = (conf_dir() / group / f"{name}.yaml").read_text()
    values = {k: v for k, v in yaml.safe_load(source).items() if k not in ("_target_", "defaults")}
    keys = {key.name: key for key in read_option(Conf().groups()[group], name).keys}
    top = {key.partition(".")[0] for key in keys}
    # What a recipe only names a class of has no keys.
    assert top <= set(values) if group == "recipe" else top == set(values)
    for key in keys.values():
        value = values
        for part in key.name.split("."):
            value = value[part]
        assert key.comment, f"{option}: {key.name} has no comment in its YAML file"
        assert key.default == "" or yaml.safe_load(key.default) == value
    text = squeezed(shown(capsys, option, option.replace("=", "/")))  # the same in two spellings
    assert all(text.count(squeezed(key.name)) >= 2 for key in keys.values())


def test_everything_fits_a_hundred_columns(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys) + shown(capsys, *OPTIONS) + shown(capsys, *GROUPS)
    assert max(map(len, text.splitlines())) <= 100


def test_topics(capsys: pytest.CaptureFixture[str]) -> None:
    assert "canvas.dpi" in shown(capsys, "canvas")
    assert "engine.workers" in shown(capsys, "engine.workers")
    assert "primitives.lines.width" in shown(capsys, "primitives.lines.width.high")
    assert shown(capsys, "engine=[loky,serial]").count("engine=") == 2


def test_asked_for_after_overrides_it_runs_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["primitives=lines", "n=5", "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("primitives=lines ")
    assert "how many images" in text
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("topic", "hint"),
    [
        ("primitives=lins", "'lines'"),
        ("enclder", "'encoder'"),
        ("zzz", "known: axes, effects"),
        ("lines", "try primitives=lines"),
    ],
)
def test_unknown_topic(topic: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(hint)):
        print_help([topic])


def test_config_folder_of_the_user(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "primitives").mkdir()
    (tmp_path / "primitives" / "rings.yaml").write_text(
        "# @package primitives.rings\n# Rings of mine.\n"
        "_target_: mine.Rings\nhole: 0.5  # its share\n"
    )
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "png.yaml").write_text("# My PNG.\n")
    text = shown(capsys, "--config-dir", str(tmp_path))
    assert "Rings of mine." in text
    assert "My PNG." in text
    assert "Lossless PNG." not in text
    text = shown(capsys, f"--config-dir={tmp_path}", "primitives=rings")
    assert re.search(r"hole +0\.5 +its share", text)
    assert "primitives.rings.hole=" in text
    with pytest.raises(ConfigError, match="is not a folder"):
        print_help(["--config-dir", str(tmp_path / "none")])
    (tmp_path / "primitives" / "rings.yaml").write_text("a: [\n")
    with pytest.raises(ConfigError, match=r"rings\.yaml: cannot be read"):
        print_help(["--config-dir", str(tmp_path), "primitives=rings"])


@pytest.mark.parametrize(
    ("source", "default", "comment"),
    [
        ("a: 1  # one", "1", "one"),
        ("a: '#f00'  # red", "'#f00'", "red"),
        ("a: '#f00'", "'#f00'", ""),
        ("a: [1,\n  2]  # two", "[1, 2]", "two"),
        ("a: [ # two\n  1, # one of them\n  2]", "[1, 2]", "two"),
        ("b: 0\n# two\na:\n  [\n  1, 2]", "[1, 2]", "two"),
        ("a:  # two\n  - 1\n  - 2", "- 1 - 2", "two"),
        ("a: {b: 1}  # one", "{b: 1}", "one"),
        ("a:  # nothing", "", "nothing"),
    ],
)
def test_comments_where_people_put_them(
    source: str, default: str, comment: str, tmp_path: Path
) -> None:
    (tmp_path / "option.yaml").write_text(source)
    group = Group("encoder", "", "", {"option": tmp_path / "option.yaml"})
    assert read_option(group, "option").keys[-1] == ("a", default, comment)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from synthdata.cli import main; main(['--help']); "
        "heavy = {'hydra', 'omegaconf', 'numpy', 'matplotlib', 'rich'}; "
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == "[]\n"


def test_colour_on_a_terminal_only() -> None:
    command = [sys.executable, "-m", "synthdata", "--help", "n"]
    environment = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm"}
    ours, theirs = pty.openpty()
    subprocess.run(command, stdout=theirs, env=environment, check=True)
    os.close(theirs)
    on_terminal = os.read(ours, 10_000).decode()
    os.close(ours)
    piped = subprocess.run(command, capture_output=True, text=True, env=environment).stdout
    assert "\x1b[" in on_terminal
    assert "\x1b" not in piped
    assert squeezed(re.sub(r"\x1b\[[\d;]*m", "", on_terminal)) == squeezed(piped)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_a_topic(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Which says what its ``--help`` says."""
    text = shown(capsys, name)
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert text.startswith(capsys.readouterr().out.rstrip())
    assert f"usage: python -m synthdata {name} [-h]" in text


def test_tune_has_each_setting_and_map_each_function(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    from synthdata.lab import settings

    text = shown(capsys, "tune")
    for prefix, kind in (("", settings.Settings), ("training.", settings.Training)):
        for field in fields(kind):
            if field.name != "training":
                assert re.search(rf"^  {re.escape(prefix + field.name)}=\S+(\n)? +\S", text, re.M)
    text = shown(capsys, "map")
    for name in set(maps.__all__) - {"Group", "map_run"}:
        assert f"\n  {name} " in text
    assert "``" not in text


def test_a_topic_that_is_nearly_a_command() -> None:
    with pytest.raises(
        ConfigError, match="tun: no such command, group or key; did you mean 'tune'"
    ):
        print_help(["tun"])


def test_a_topic_that_is_a_format_leads_to_the_page_of_formats() -> None:
    with pytest.raises(ConfigError, match="coco: no such command, group or key; try --help export"):
        print_help(["coco"])
