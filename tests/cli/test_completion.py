"""Tab completion, as shells ask for it."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest
from processes import Forks, environment

from synthdata.cli import main
from synthdata.cli.completion import _Usage
from synthdata.cli.conf import Conf, read_option
from synthdata.cli.words import COMMANDS
from synthdata.compose import conf_dir
from synthdata.exports.formats import FORMATS
from synthdata.loader import LISTS

GROUPS = sorted(folder.name for folder in conf_dir().iterdir() if folder.is_dir())
RE = ("cipe=", "nderer.", "nderer=", "port.")  # what Hydra knows


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (
            "synthdata primitives=",
            {f"primitives={f.stem}" for f in conf_dir().glob("primitives/*")},
        ),
        ("synthdata engine=s", {"engine=serial"}),
        ("synthdata engine.w", {"engine.workers="}),
        ("synthdata seed=abc engine.w", {"engine.workers="}),  # also beside what will be refused
        ("synthdata canvas.mode=", {"canvas.mode=rgb"}),
        ("synthdata n", {"n="}),
        ("synthdata resume runs/one engine.w", {"engine.workers="}),
        ("synthdata re", {"resume", "retry", "remake", "report"} | {f"re{k}" for k in RE}),
        ("synthdata seed=1 resu", set()),  # a command stands first
        ("synthdata resume ", set()),  # a folder, which the shell knows
        ("synthdata resume runs/one can", set()),  # may not be changed
        ("synthdata extend runs/one n", {"n="}),
        ("synthdata resume runs/one plug", {"plugins="}),
        ("synthdata export runs/one ", set(FORMATS)),
        ("synthdata export runs/one coco pl", {"plugins="}),
        ("synthdata export runs/one yolo ta", {"task="}),
        ("synthdata export runs/one -o ", set()),
        ("synthdata export -o there runs/one web", {"webdataset"}),
        ("synthdata export runs/one -", {"-h", "--help", "-o"}),
        ("synthdata map runs/one fn=mos", {"fn=mosaic"}),
        ("synthdata cache ", {"show", "export", "import"}),
        pytest.param(
            "synthdata tune n_tr",
            {"n_trials="},
            marks=pytest.mark.skipif(find_spec("optuna") is None, reason="needs Optuna"),
        ),
        ("synthdata report runs/one sam", {"samples="}),
        ("synthdata --help ver", {"verify"}),
        ("synthdata --help canvas.m", {"canvas.mode"}),
        ("synthdata help engine=l", {"engine=loky"}),
        ("synthdata --conf", {"--config-dir"}),
        ("synthdata primitives=nothing engine=s", {"engine=serial"}),
        ("synthdata primitives=nothing canv", set()),
        ("synthdata show -o sheet.png seed=1 engine=s", {"engine=serial"}),
    ],
)
def test_tab_completion(typed: str, expected: set[str], forks: Forks, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    line = {"COMP_LINE": typed, "COMP_POINT": str(len(typed))}
    done = forks(folder, "-sc", "query=bash", **line)
    assert done.err == ""
    assert set(done.out.split()) == expected


def test_the_cursor_may_stand_before_the_end(forks: Forks, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    line = {"COMP_LINE": "synthdata veri runs/one", "COMP_POINT": "14"}
    assert forks(folder, "-sc", "query=bash", **line).out.split() == ["verify"]


def test_groups_of_ones_own(forks: Forks, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    (folder / "mine/encoder").mkdir(parents=True)
    (folder / "mine/encoder/own.yaml").write_text("_target_: synthdata.encoders.Png\n")
    for option in ("--config-dir mine", "--config-dir=mine"):
        line = {"COMP_LINE": f"synthdata {option} encoder=o"}
        assert forks(folder, "-sc", "query=bash", **line).out.split() == ["encoder=own"]


@pytest.mark.parametrize(
    "name", ["$(date)", "`date`", "o;date", "o>date", "o date", "o*", "o\ndate"]
)
def test_what_the_shell_would_run_is_not_put_into_its_line(
    name: str, forks: Forks, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    (folder / "mine/encoder").mkdir(parents=True)
    (folder / f"mine/encoder/{name}.yaml").write_text("_target_: synthdata.encoders.Png\n")
    line = {"COMP_LINE": "synthdata --config-dir mine encoder="}
    known = {f"encoder={file.stem}" for file in conf_dir().glob("encoder/*")}
    assert set(forks(folder, "-sc", "query=bash", **line).out.splitlines()) == known


@pytest.mark.parametrize("command", COMMANDS)
def test_options_and_places_are_those_of_the_command(command: str) -> None:
    from synthdata.cli.help import command_page

    usage, page = _Usage.of(command), command_page(command)
    assert {*usage.options} | {"-h"} == {*re.findall(r"^  (--?[\w-]+)", page, re.MULTILINE)}
    for (
        name,
        value,
    ) in usage.options.items():  # "-k K, --samples K", from Python 3.13 "-k, --samples K"
        assert bool(value) == bool(re.search(rf"^  {name}(, --\w+)? [A-Z]", page, re.MULTILINE))
    assert len(usage.places) == len(
        re.findall(r"^  (?:[A-Z_]+|\{.*\})(?:  |$)", page, re.MULTILINE)
    )


class Shell:
    """An interactive shell on a terminal of its own, with ``synthdata`` in its PATH."""

    def __init__(self, folder: Path, *words: str) -> None:
        ours, theirs = pty.openpty()
        self._terminal = ours
        self._process = subprocess.Popen(
            words,
            cwd=folder,
            env=surroundings(folder),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def types(self, text: str, until: str) -> None:
        """Type, and wait until the terminal shows a text."""
        os.write(self._terminal, text.encode())
        shown, deadline = "", time.monotonic() + 60
        while until not in shown:
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self._terminal], [], [], left)[0]:
                pytest.fail(f"after {text!r} the terminal shows {shown!r}, and no {until!r}")
            shown += os.read(self._terminal, 4096).decode()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._terminal)


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of a shell in which ``synthdata`` is a command."""
    script = folder / "bin" / "synthdata"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m synthdata "$@"\n')
    script.chmod(0o755)
    terminal = {"PS1": "$ ", "TERM": "dumb", "INPUTRC": "/dev/null", "HOME": str(folder)}
    return {**environment(), **terminal, "PATH": f"{script.parent}:{os.environ['PATH']}"}


def need(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}")


@pytest.mark.parametrize("words", [("bash", "--norc", "--noprofile", "-i"), ("zsh", "-f", "-i")])
def test_tab_in_a_real_shell(words: tuple[str, ...], tmp_path: Path) -> None:
    need(words[0])
    (tmp_path / "a run").mkdir()
    with closing(Shell(tmp_path, *words)) as shell:
        shell.types(f'eval "$(synthdata -sc install={words[0]})"; echo rea""dy\n', "ready")
        shell.types("synthdata resu\t", "synthdata resume ")
        shell.types("a\t", "a\\ run/")
        shell.types("\x15synthdata export RUN coc\t", "export RUN coco ")
        shell.types("\x15synthdata engine=s\t", "engine=serial ")
        shell.types("\x15synthdata canvas.mo\t", "canvas.mode=")
        shell.types(f'\x15eval "$(synthdata -sc uninstall={words[0]})"; echo go""ne\n', "gone")
        shell.types("type _synthdata\n", "not found")


def test_tab_in_a_real_fish(tmp_path: Path) -> None:
    need("fish")
    (tmp_path / "a run").mkdir()
    told = {
        "synthdata resu": ["resume"],
        "synthdata resume a": ["a run/"],
        "synthdata export RUN coc": ["coco"],
        "synthdata engine=s": ["engine=serial"],
        "synthdata canvas.mo": ["canvas.mode="],
    }
    lines = [f"complete -C '{typed}'; echo" for typed in told]
    asked = ["synthdata -sc install=fish | source", *lines, "synthdata -sc uninstall=fish | source"]
    done = subprocess.run(
        ["fish", "--no-config", "-c", "\n".join([*asked, "complete -C 'synthdata resu'"])],
        cwd=tmp_path,
        env=surroundings(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    *found, last = done.stdout.split("\n\n")
    assert dict(zip(told, (each.splitlines() for each in found), strict=True)) == told
    assert last == ""


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_all_shells_are_told_the_same(shell: str, forks: Forks, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    line = {"COMP_LINE": "synthdata re"}
    assert (
        forks(folder, "-sc", f"query={shell}", **line).out
        == forks(folder, "-sc", "query=bash", **line).out
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-sc"], "-sc: '' is not known; install=, uninstall= and query= are, of bash, zsh, fish"),
        (["-sc", "install=tcsh"], "-sc: 'install=tcsh' is not known"),
        (["-sc", "remove=bash"], "-sc: 'remove=bash' is not known"),
        (["--shell-completion", "query=zsh"], "COMP_LINE is not set; zsh sets it"),
        (["--config-dir", "mine", "-sc", "install=bash"], "-sc: stands first"),
    ],
)
def test_other_questions_are_refused(
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("COMP_LINE", raising=False)
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""


def completed(line: str) -> list[str]:
    from hydra._internal.core_plugins.bash_completion import BashCompletion
    from hydra._internal.utils import create_config_search_path

    from synthdata.loader import Loader

    loader = Loader(create_config_search_path(str(conf_dir())))
    found: list[str] = BashCompletion(loader)._query("config", line)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("group", [g for g in GROUPS if g != "hydra"])
def test_every_option_and_every_key_of_it_is_completed(group: str) -> None:
    files = Conf().groups()[group].files
    assert completed(f"{group}=") == [f"{group}={name}" for name in files]
    for name in files if group not in ("recipe", "space") else ():
        option = read_option(Conf().groups()[group], name)
        chosen = f"{group}=[{name}]" if group in LISTS else f"{group}={name}"
        offered = {word.rstrip("=.") for word in completed(f"{chosen} {option.prefix}")}
        assert {f"{option.prefix}{key.name.partition('.')[0]}" for key in option.keys} <= offered
