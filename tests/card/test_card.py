"""README.md and croissant.json: true, read back by those who read them, and safe."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from configs import config
from hypothesis import given
from hypothesis import strategies as st
from processes import environment

import synthdata
from synthdata.api import generate
from synthdata.card.census import Census
from synthdata.card.facts import Layout, exported_facts
from synthdata.card.readme import escaped, fenced
from synthdata.compose import conf_dir
from synthdata.errors import ConfigError
from synthdata.exports import export, make_format
from synthdata.outputs import finish_outputs
from synthdata.run import Run
from synthdata.splits import Splits

SPLIT = {"train": 0.6, "val": 0.4}
SMALL = ["canvas.size=[32,24]", "engine=serial", "n=12", "shard_size=5", "seed=3"]
LABELS = "labels=[marks,instance_mask,image_level,captions]"
KINDS = ["folder", "webdataset", "parquet"]


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    pytest.importorskip("pyarrow")
    folder = tmp_path_factory.mktemp("runs")
    every = [*SMALL, LABELS, "split={train: 0.6, val: 0.4}", "primitives=[circles,lines]"]
    return {kind: generate([*every, f"writer={kind}"], folder / kind) for kind in KINDS}


def test_the_card_says_what_is_there(runs: dict[str, Run]) -> None:
    run = runs["folder"]
    head, body = front_matter((run.path / "dataset" / "README.md").read_text())
    assert head["license"] == "cc0-1.0"
    assert head["size_categories"] == ["n<1K"]
    assert {"object-detection", "image-segmentation"} <= set(head["task_categories"])
    records = list(run.records())
    marks = [mark["category"] for record in records for mark in record["marks"]]
    rows = dict(re.findall(r"^\| (.+) \| ([\d,]+) \|$", body, re.MULTILINE))
    assert rows["images"] == "12"
    assert rows["circle"] == str(marks.count("circle"))
    assert rows["line"] == str(marks.count("line"))
    split = Splits(SPLIT)
    count = [split.of(r["seed"], r["index"]) for r in records].count("val")
    assert rows["in the split `val`"] == str(count)
    assert run.state["digest"] in body
    for picture in re.findall(r"!\[\]\((.+?)\)", body):
        assert (run.path / "dataset" / picture).exists()
    recipe = re.search(r"```yaml\n(.*?)\n```", body, re.DOTALL)
    assert recipe is not None
    again = synthdata.Config.from_mapping(yaml.safe_load(recipe[1]))
    assert again.fingerprint == run.fingerprint
    assert again.n == 12


@pytest.mark.parametrize("kind", KINDS)
def test_one_file_shards_have_a_preview(runs: dict[str, Run], kind: str) -> None:
    folder = runs[kind].path / "dataset"
    there = {p.name for p in folder.iterdir() if not p.stem.isdigit()}
    preview = set() if kind == "folder" else {"preview.png"}
    assert there == {"README.md", "croissant.json"} | preview
    if preview:
        first = (runs["folder"].path / "dataset/00000/000000000.png").read_bytes()
        assert (folder / "preview.png").read_bytes() == first


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_code_in_the_card_runs(runs: dict[str, Run], kind: str, tmp_path: Path) -> None:
    """In as many ecosystems as are installed here."""
    folder = runs[kind].path / "dataset"
    _, body = front_matter((folder / "README.md").read_text())
    blocks = re.findall(r"^### ([^\n]+)\n\n```python\n(.*?)^```", body, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    for name, code in blocks:
        variables = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=folder,
            env=environment() | variables | {"CROISSANT_CACHE": str(tmp_path / "cr")},
            capture_output=True,
            text=True,
        )
        missing = re.search(
            r"No module named '(torch|webdataset|mlcroissant|pandas|datasets)'", done.stderr
        )
        assert done.returncode == 0 or missing, f"{name}: {done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("writer", ["folder", "parquet"])
def test_no_run_is_taken_for_another_by_a_cache(
    writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`datasets` knows a folder by its name, which is the same in every run."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()

    def seeds(run: Run) -> list[int]:
        finish_outputs(run)
        folder = str(run.path / "dataset")
        rows = datasets.load_dataset(folder, split="train", cache_dir=str(tmp_path / "cache"))
        return list(rows["seed"])

    options = ["canvas.size=[32,24]", "engine=serial", f"writer={writer}"]
    runs = [
        Run(tmp_path / str(seed), config([*options, f"n={n}", f"seed={seed}"])).execute()
        for seed, n in ((1, 4), (2, 6))
    ]
    assert [seeds(run) for run in runs] == [[1] * 4, [2] * 6]
    grown = config([*options, "n=9", "seed=1"])
    assert seeds(Run(runs[0].path, grown).execute()) == [1] * 9


@pytest.mark.parametrize("kind", KINDS)
def test_croissant(
    runs: dict[str, Run], kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mlc = pytest.importorskip("mlcroissant")
    from mlcroissant._src.operation_graph.operations import extract

    monkeypatch.setattr(extract, "EXTRACT_PATH", type(extract.EXTRACT_PATH)(tmp_path))
    run = runs[kind]
    path = run.path / "dataset" / "croissant.json"
    data = mlc.Dataset(path)
    issues = data.metadata.ctx.issues
    assert not issues.errors
    assert not issues.warnings
    records = {record["index"]: record for record in run.records()}
    found = {}
    for row in data.records("samples"):
        index = int(row["samples/index"])
        found[index] = row["samples/image"]
        assert found[index].size == (32, 24)
        if kind != "webdataset":
            assert row["samples/sha256"].decode() == records[index]["sha256"]
    assert found.keys() == records.keys()
    masks = "mask" if kind != "parquet" else "samples"
    assert len([row[f"{masks}/mask"] for row in data.records(masks)]) == 12
    if kind == "webdataset":
        assert len(list(data.records("records"))) == 12
    if kind == "parquet":
        whole = [json.loads(row["samples/record"]) for row in data.records("samples")]
        assert {record["index"]: record for record in whole} == records
    assert len(list(data.records("splits"))) == 2


def test_croissant_has_marks_and_boxes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a run's own folder, one entry for each mark: those off the canvas have no box."""
    mlc = pytest.importorskip("mlcroissant")
    labels = "labels=[marks,boxes,visibility]"
    few = "primitives.lines.count={dist: poisson, rate: 2}"
    run = generate([*SMALL, labels, "primitives=lines", few], tmp_path / "run")
    data = mlc.Dataset(run.path / "dataset" / "croissant.json")
    assert not data.metadata.ctx.issues.errors
    assert not data.metadata.ctx.issues.warnings
    records = {record["index"]: record for record in run.records()}
    counts = set()
    for row in data.records("samples"):
        record = records[int(row["samples/index"])]
        counts.add(len(record["marks"]))
        for label in ("marks", "boxes", "visibility"):
            found = [
                {key.rpartition("/")[2]: value for key, value in entry.items()}
                for entry in row[f"samples/{label}"]
            ]
            expected = [
                {k: entry[k] for k in item}
                for entry, item in zip(record[label], found, strict=True)
            ]
            assert plain(found) == plain(expected)
    assert {0, 1} < counts


def plain(value: Any) -> Any:
    """Numbers as they are written, for pandas reads some a bit off, and text as text."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, bytes):
        return value.decode()
    return value if value is None or isinstance(value, str) else round(float(value), 6)


@pytest.mark.parametrize(
    ("overrides", "title", "description"),
    [
        (
            ["primitives=mixed", "labels=[]"],
            "Synthetic images of 12 kinds of marks",
            "12 synthetic images of 32 x 24 pixels, with arcs, arrows, circles, crosses, curves, "
            "ellipses, grids, lines, polygons, polylines, rectangles and text.",
        ),
        (
            [
                "primitives=[lines,mixed]",
                "primitives.mixed.weights={circles: 2, lines: 1, text: 0}",
                *("n=1", "labels=[marks,instance_mask]", "effects=[blur,gaussian_noise]"),
                "style=hand_drawn",
            ],
            "Synthetic images of lines and circles",
            "1 synthetic image of 32 x 24 pixels, with lines and circles. They look drawn by hand. "
            "What was drawn went through blur and gaussian noise. "
            "Labels come from the geometry that was drawn: marks and instance masks.",
        ),
        (
            [
                *("axes=product", "axes.values={side: [[8, 8], [16, 8]], my_axis: 3}", "n=6"),
                *("axes.bind.side=canvas.size", "labels=[flow]"),
            ],
            "Synthetic images of lines",
            "6 synthetic images of several sizes, with lines. "
            "They lie on a grid with the axes side (2) and my axis (3). "
            "Labels come from the geometry that was drawn: optical flow.",
        ),
        (["card.title=Mine", "card.description=And so on."], "Mine", "And so on."),
    ],
)
def test_titles_and_descriptions(
    overrides: list[str], title: str, description: str, tmp_path: Path
) -> None:
    made = config([*SMALL, *overrides])
    facts = exported_facts(
        Run(tmp_path, made), Census.of_counts("all", made.n, {}), Layout("folder", ())
    )
    assert (facts.title, facts.description) == (title, description)


@pytest.mark.parametrize("recipe", sorted(f.stem for f in conf_dir().glob("recipe/*.yaml")))
def test_recipes_have_titles_of_their_own(recipe: str) -> None:
    """A card that names parts of code, such as blindtest or movers, tells nobody anything."""
    card = config([f"recipe={recipe}"]).card
    assert card.title is not None
    assert card.title[0].isupper()
    assert "_" not in card.title
    assert card.description is not None
    assert re.fullmatch(r"[A-Z].*[.]", card.description)
    assert len(card.description) < 400


def test_croissant_names_its_specifications_and_provenance(runs: dict[str, Run]) -> None:
    run = runs["folder"]
    node = json.loads((run.path / "dataset" / "croissant.json").read_bytes())
    root = "http://mlcommons.org/croissant"
    assert node["conformsTo"] == [f"{root}/1.1", f"{root}/RAI/1.0"]
    required = {"name", "description", "license", "url", "creator", "datePublished"}
    assert required <= node.keys()
    assert run.fingerprint in node["prov:wasGeneratedBy"]["prov:label"]
    assert run.state["digest"] in node["prov:wasGeneratedBy"]["prov:label"]
    fields = {"rai:dataCollection", "rai:dataLimitations", "rai:dataBiases", "rai:dataUseCases"}
    fields |= {"rai:personalSensitiveInformation", "rai:dataSocialImpact"}
    assert fields <= node.keys()


NASTY = "\"]}\n---\n# <script>alert(1)</script> | [x](javascript:1) `` ``` {{ jinja }} 'é\u202e"


def test_nothing_in_a_config_breaks_out(tmp_path: Path) -> None:
    title = "a: [b] <b>|`*_# 'x' \"y\""
    run = Run(tmp_path / "run", config([*SMALL, "n=2"]))
    node = run.config.to_mapping()
    node["card"] = {"title": title, "description": NASTY, "license": "mit", "creator": "<i>me"}
    run = Run(run.path, synthdata.Config.from_mapping(node)).execute()
    finish_outputs(run)
    text = (run.path / "dataset" / "README.md").read_text()
    head, body = front_matter(text)
    assert head["pretty_name"] == title
    assert head["license"] == "mit"
    plain = re.sub(r"```.*?```", "", body, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<", plain)
    assert not re.search(r"^---", body, re.MULTILINE)
    assert json.loads((run.path / "dataset" / "croissant.json").read_bytes())["name"] == title


@given(st.text())
def test_escaped_text_is_text(text: str) -> None:
    shown = escaped(text)
    assert len(shown.splitlines()) <= max(1, len(text.splitlines()))
    assert not re.search(r"(?<!\\)[<>|`\[\]]", shown.replace("\\\\", ""))


@given(st.text())
def test_a_fence_is_not_closed_from_within(text: str) -> None:
    first, *inner, last = fenced(text, "yaml").split("\n")
    assert first == f"{last}yaml"
    assert not any(line.strip().startswith(last) for line in inner)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("card.license=My Own", ["card.license", "'My Own'", "cc0-1.0"]),
        ("card.title=''", ["card.title", "''"]),
        ("card.url=ftp://x", ["card.url", "ftp://x"]),
        ("split={train: 0.5}", ["split", "0.5"]),
        ("split={a b: 1}", ["split"]),
    ],
)
def test_bad_cards_and_splits(override: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        config([override])
    assert all(word in str(caught.value) for word in words), caught.value


def test_no_card_while_parts_are_missing(tmp_path: Path) -> None:
    every = [*SMALL, "n=10"]
    generate([*every, "shards=0/2"], tmp_path / "run")
    assert not (tmp_path / "run" / "dataset" / "README.md").exists()
    generate([*every, "shards=1/2"], tmp_path / "run")
    assert (tmp_path / "run" / "dataset" / "README.md").exists()


def test_marks_counted_when_made_are_those_of_the_records(tmp_path: Path) -> None:
    few = [*SMALL, "primitives=[circles,lines]", "primitives.lines.count={dist: poisson, rate: 3}"]
    run = generate(few, tmp_path / "run")
    whole = (run.path / "dataset" / "README.md").read_text()
    marks = [mark["category"] for record in run.records() for mark in record["marks"]]
    assert run.state["marks"] == {"circle": marks.count("circle"), "line": marks.count("line")}
    for damage in (None, "three", {"circle": "1"}):  # then the records are counted
        path = run.path / "run.json"
        path.write_text(json.dumps({**run.state, "marks": damage}))
        finish_outputs(Run.load(run.path))
        assert (run.path / "dataset" / "README.md").read_text() == whole


def test_the_card_grows_with_the_run(tmp_path: Path) -> None:
    generate(SMALL, tmp_path / "run")
    generate([*SMALL, "n=20"], tmp_path / "run")
    body = (tmp_path / "run" / "dataset" / "README.md").read_text()
    assert "| images | 20 |" in body


def test_it_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from synthdata.api import generate;"
        f"generate(['n=1', 'engine=serial'], {str(tmp_path / 'run')!r});"
        "print([m for m in ('pyarrow', 'mlcroissant', 'datasets', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}
    )
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    "change",
    [{"seed": "x"}, {"marks": 7}, {"marks": [{"category": []}]}, {"index": None}],
    ids=str,
)
def test_records_of_strangers_make_a_sentence(tmp_path: Path, change: dict[str, Any]) -> None:
    run = generate([*SMALL, "split={train: 0.5, val: 0.5}"], tmp_path / "run")
    path = run.path / "dataset" / "00001" / "metadata.jsonl"
    lines = path.read_text().splitlines()
    lines[1] = json.dumps(json.loads(lines[1]) | change)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ConfigError, match="records are not"):
        finish_outputs(run)


def test_nothing_in_a_run_json_breaks_out(tmp_path: Path) -> None:
    run = generate([*SMALL, "n=2"], tmp_path / "run")
    state = run.state | {"digest": "x`\n\n# Mine <img src=x>", "started": "<b>2026"}
    (run.path / "run.json").write_text(json.dumps(state))
    export(run, make_format("imagefolder"), tmp_path / "out")
    for name in ("README.md", "croissant.json"):
        text = (tmp_path / "out" / name).read_text()
        assert "Mine" not in text
        assert "<b>" not in text
