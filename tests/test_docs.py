"""The README and the pages under ``docs/`` say what is so: every block of code in them is run.

Each page is worked through from the top, in an empty folder, by these rules:

- ``bash``: run by bash, line after line; each must succeed. To be quick ``n=5000`` becomes
  ``n=20``: every ``n=`` is divided by 250, but stays 4 at least; ``n_trials=`` and ``steps=`` are
  divided by 10, but stay 2. ``for name in a b c d`` takes the first two.
- ``console``: lines after ``$`` are run, and must print exactly the lines that follow.
- ``python`` and ``yaml`` under a line with the path of a file: written to that file. Other
  ``python`` is run, with ``n=`` as above.
  One that imports a package of ``OPTIONAL`` is passed over where that is not installed.
- ``json``: what the block before it prints, as JSON.
- ``sh``: needs the network; ``.ci/run`` runs those of the README.

Nothing else may stand in a block with a language.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

import synthdata
from synthdata import api
from synthdata.splits import Splits

ROOT = Path(__file__).resolve().parents[1]
#: What runs the pages; SYNTHDATA_DOCS_PYTHON names another one, with synthdata installed in it.
PYTHON = os.environ.get("SYNTHDATA_DOCS_PYTHON", sys.executable)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(
    r"(?:^`(?P<path>[\w/]+\.\w+)`:\n\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
N = re.compile(r"\bn=(\d+)")
TRIALS = re.compile(r"\b(n_trials|steps)=(\d+)")
#: Pages that are passed over where a package is not installed.
NEEDS = {"lab": ("optuna", "torch", "torchmetrics", "tensorboard", "tokenizers", "safetensors")}
OPTIONAL = ("torch", "torchvision", "torchdata", "grain", "jax", "tensorflow", "datasets")
LOOP = re.compile(r"\bfor name in (\S+ \S+)[^;]*;")


def lacking(text: str) -> set[str]:
    """The optional packages that a block of Python imports and this environment lacks."""
    imported = set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE))
    if re.search(r"^from synthdata\.torch import", text, re.MULTILINE):
        imported.add("torch")
    return {name for name in imported & {*OPTIONAL} if find_spec(name) is None}


class Block(NamedTuple):
    language: str
    text: str
    path: str | None
    line: int


def blocks(page: Path) -> Iterator[Block]:
    source = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(source):
        if match["language"]:
            line = source.count("\n", 0, match.start("language")) + 1
            yield Block(match["language"], match["text"], match["path"], line)


def quick(text: str) -> str:
    text = N.sub(lambda match: f"n={max(4, int(match[1]) // 250)}", text)
    text = TRIALS.sub(lambda match: f"{match[1]}={max(2, int(match[2]) // 10)}", text)
    return LOOP.sub(r"for name in \1;", text)


class Reader:
    """Somebody who does what a page says, in an empty folder."""

    def __init__(self, folder: Path) -> None:
        commands = folder.parent / "bin"
        commands.mkdir()
        for name, arguments in (("python", ""), ("synthdata", " -m synthdata")):
            script = commands / name
            script.write_text(f'#!/bin/sh\nexec {shlex.quote(PYTHON)}{arguments} "$@"\n')
            script.chmod(0o755)
        self.folder = folder
        self.environment = os.environ | {
            "PATH": f"{commands}:{os.environ['PATH']}",
            **({"PYTHONPATH": str(ROOT)} if sys.executable == PYTHON else {}),
        }
        self.said = ""

    def does(self, block: Block) -> None:
        if block.language in ("sh", "text"):
            return
        if block.path is not None:
            (self.folder / block.path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / block.path).write_text(block.text)
        elif block.language == "bash":
            self.said = self.run("bash", "-euo", "pipefail", "-c", quick(block.text))
        elif block.language == "python" and not lacking(block.text):
            self.said = self.run("python", "-c", quick(block.text))
        elif block.language == "console":
            for part in block.text.split("$ ")[1:]:
                command, _, expected = part.partition("\n")
                assert self.run("bash", "-c", quick(command) + " 2>&1 || true") == expected
        elif block.language == "json":
            assert json.loads(block.text) == json.loads(self.said)
        elif block.language != "python":
            pytest.fail(f"no rule for a block of {block.language}")

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    for package in NEEDS.get(page.stem, ()):
        pytest.importorskip(package)
    folder = tmp_path / "empty"
    folder.mkdir()
    reader = Reader(folder)
    for block in blocks(page):
        try:
            reader.does(block)
        except AssertionError as error:
            raise AssertionError(f"{page.name}:{block.line}: {error}") from error


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("n=5000", "n=20"),
        ("n=300", "n=4"),
        ('"n=100"', '"n=4"'),
        ("x.n=5", "x.n=4"),
        ("n_trials=30 training.steps=5", "n_trials=3 training.steps=2"),
        ("for name in a b c; do", "for name in a b; do"),
    ],
)
def test_quick(given: str, expected: str) -> None:
    assert quick(given) == expected


@pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"], ids=lambda p: p.stem
)
def test_links_and_pictures_are_there(page: Path) -> None:
    source = FENCE.sub("", page.read_text(encoding="utf-8"))
    anchors = {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", source, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", source):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


def test_splits_of_regions_hold_some_of_the_samples() -> None:
    """With the numbers that stand there, for n is reduced above."""
    page = (ROOT / "docs" / "axes.md").read_text(encoding="utf-8").replace("\\\n", "")
    commands = re.findall(r"^python -m synthdata (.*split=.*)$", page, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        config = api.config(shlex.split(command)[1:])  # but hydra.run.dir
        splits = Splits(config.split)
        generator = synthdata.Generator(config.sample_config)
        found = {splits.of_record(generator[i].record) for i in range(config.n)}
        assert found == set(splits.names)


def test_pictures_are_small_and_all_are_used() -> None:
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size < 300_000, picture.name
        assert picture.name in shown


def test_readme_has_every_group_and_option() -> None:
    source = (ROOT / "README.md").read_text(encoding="utf-8")
    for group in sorted(p for p in (ROOT / "conf").iterdir() if p.is_dir()):
        row = re.search(rf"^\| `{group.name}` \| (.+) \|$", source, re.MULTILINE)
        assert row, group.name
        assert {p.stem for p in group.glob("*.yaml")} == set(re.findall(r"`(\w+)`", row[1]))


def test_readme_primitive_is_under_twenty_lines() -> None:
    page = ROOT / "README.md"
    own = [b for b in blocks(page) if b.path and b.path.startswith("my_")]
    assert [Path(b.path or "").suffix for b in own] == [".py", ".yaml"]
    assert sum(len(b.text.splitlines()) for b in own) < 20


def test_readme_queue_is_twenty_lines() -> None:
    (queue,) = [b for b in blocks(ROOT / "README.md") if b.path == "collatz.py"]
    assert len(queue.text.splitlines()) <= 20


def test_readme_has_two_commands_for_a_fresh_machine() -> None:
    install, test = [b.text.strip() for b in blocks(ROOT / "README.md") if b.language == "sh"]
    assert install.startswith("pip install . && python -m synthdata ")
    assert test.startswith('pip install -e ".[dev]" && pytest')


def test_primitives_page_has_every_option() -> None:
    source = (ROOT / "docs" / "primitives.md").read_text(encoding="utf-8")
    for option in (ROOT / "conf" / "primitives").glob("*.yaml"):
        assert f"\n## {option.stem}\n" in source
        assert f"(images/{option.stem}.png)" in source


def test_effects_page_has_every_option() -> None:
    source = (ROOT / "docs" / "effects.md").read_text(encoding="utf-8")
    for option in (ROOT / "conf" / "effects").glob("*.yaml"):
        assert re.search(rf"^\| `{option.stem}` \| ", source, re.MULTILINE)


def test_distributions_page_has_every_kind_and_its_keys() -> None:
    from dataclasses import MISSING, fields

    from synthdata.distributions import COLOR_KINDS, KINDS

    source = (ROOT / "docs" / "distributions.md").read_text(encoding="utf-8")
    for name, kind in (KINDS | COLOR_KINDS).items():
        row = re.search(rf"^\| `{name}` \| (.+?) \| ", source, re.MULTILINE)
        assert row, name
        shown = dict(re.findall(r"`(\w+)(?:: ([^`]+))?`", row[1]))
        assert list(shown) == [field.name for field in fields(kind)]
        for field in fields(kind):
            default = yaml.safe_load(shown[field.name]) if shown[field.name] else MISSING
            expected = list(field.default) if isinstance(field.default, tuple) else field.default
            assert default == expected, f"{name}.{field.name}"


def test_exit_codes_are_those_of_the_errors() -> None:
    from synthdata import errors

    source = (ROOT / "docs" / "runs.md").read_text(encoding="utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \| ", source, re.MULTILINE)}
    raised = {c.exit_code for c in vars(errors).values() if hasattr(c, "exit_code")}
    assert listed == raised | {0}
