"""What a training owns: cards, precision, tokens, trackers; each read back by its own reader."""

from __future__ import annotations

import contextlib
import json
import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, get_args, get_type_hints

import pytest

pytest.importorskip("optuna")
pytest.importorskip("safetensors")
pytest.importorskip("tensorboard")
pytest.importorskip("tokenizers")
pytest.importorskip("torchmetrics")
pytest.importorskip("torch")

import torch
from processes import Command, group, until

from synthdata.api import config
from synthdata.cli import main
from synthdata.errors import ConfigError
from synthdata.lab import Plan, Settings, Space, Study, Training, captioning, counting, trackers
from synthdata.lab.trackers import TRACKERS
from synthdata.lab.training import DECLARED, Asked, Files, Precision, _step, train
from synthdata.runtime.resources import Container

HERE = str(Path(__file__).parent)
TINY = [
    *("primitives=mixed", "primitives.mixed.count={dist: int_uniform, low: 1, high: 4}"),
    *("canvas.size=[32,32]", "canvas.mode=grey", "labels=[marks,captions]"),
]
SMALL = {"steps": 10, "batch_size": 8, "samples": 16, "held_out": 16, "reports": 5}
BUILD = {resource.name: resource.build for resource in DECLARED}


class Alone(SimpleNamespace):
    """A trial without a study."""

    def __init__(self, folder: Path, **fields: Any) -> None:
        super().__init__(
            **{"slot": 0, "number": 0, "study": folder, "folder": folder, "base": tuple(TINY)},
            **{"config_dir": None, "plugins": (), "overrides": ("effects.blur.sigma=1.5",)},
        )
        self.notes: dict[str, Any] = {}
        self.values: list[float] = []
        self.__dict__.update(fields)

    def note(self, **values: Any) -> None:
        self.notes |= values

    def doing(self) -> None:
        pass

    def report(self, value: float, step: int) -> None:
        self.values.append(value)

    def should_prune(self) -> bool:
        return False


def asked(trial: Alone, **training: Any) -> Asked:
    return Asked(config(TINY), Training(**{**SMALL, **training}), trial)  # type: ignore[arg-type]


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stand-in for a machine with three graphics cards: where work goes, not the work itself."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    yield
    torch.use_deterministic_algorithms(False)


def test_trials_at_the_same_time_have_different_cards(cards: None, tmp_path: Path) -> None:
    given = [BUILD["device"](asked(Alone(tmp_path, slot=slot))) for slot in range(5)]
    assert [str(device) for device in given] == ["cuda:0", "cuda:1", "cuda:2", "cuda:0", "cuda:1"]


def test_without_a_card_it_is_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert str(BUILD["device"](asked(Alone(tmp_path, slot=3)))) == "cpu"


@pytest.mark.slow
def test_a_slot_is_of_one_trial_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trials that wait for each other have two slots, and so two cards."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]))
    monkeypatch.syspath_prepend(HERE)
    settings = Settings(objective="lab_objectives:meeting", n_trials=4, jobs=2)
    plan = Plan(Space.load("lines"), settings, ("primitives=lines", "canvas.size=[16,16]"))
    study = Study(tmp_path / "study", plan).run()
    slots = [trial.user_attrs["slot"] for trial in study.trials]
    assert {slots[0], slots[1]} == {slots[2], slots[3]} == {0, 1}


@pytest.mark.parametrize(
    ("asked_for", "fast", "on_cpu", "on_card"),
    [
        ("auto", True, torch.float32, torch.bfloat16),
        ("auto", False, torch.float32, torch.float16),
        ("fp32", True, torch.float32, torch.float32),
        ("bf16", True, torch.bfloat16, torch.bfloat16),
        ("fp16", True, torch.float16, torch.float16),
    ],
)
def test_precision(
    asked_for: str, fast: bool, on_cpu: Any, on_card: Any, cards: None, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: fast)
    told = asked(Alone(tmp_path), precision=asked_for)
    there = BUILD["precision"](told, torch.device("cuda", 1))
    assert there.dtype == on_card
    assert there.scaler.is_enabled() == (on_card == torch.float16)
    on = BUILD["precision"](told, torch.device("cpu"))
    assert on.scaler.is_enabled() == (on_cpu == torch.float16)
    layer = torch.nn.Linear(4, 4)
    with on.context(torch.device("cpu")):
        assert layer(torch.ones(2, 4)).dtype == on.dtype == on_cpu
    assert layer.weight.dtype == torch.float32


@pytest.mark.slow
@pytest.mark.filterwarnings("error")  # as of a rate that moves though no step was made
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_network_learns_in_any_precision(precision: str, tmp_path: Path) -> None:
    trial = Alone(tmp_path)
    with Container(counting.DECLARED, asked(trial, precision=precision, steps=30)) as own:
        best, held_out = train(own, counting.loss, counting.score)
    assert best == min(trial.values) < trial.values[0]
    assert trial.notes["device"] == "cpu"
    assert {p.dtype for p in own["model"].parameters()} == {torch.float32}
    assert 0 < held_out < 3


@pytest.mark.parametrize("learned", [counting, captioning])
def test_all_that_is_computed_is_on_the_device(
    learned: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one that is not the CPU, PyTorch's without data, which refuses tensors of another."""
    monkeypatch.setattr(Precision, "context", lambda *_: contextlib.nullcontext())
    scored: list[str] = []

    class Metric:
        def reset(self) -> None:
            pass

        def update(self, found: torch.Tensor, told: torch.Tensor) -> None:
            scored.extend([found.device.type, told.device.type])

        def compute(self) -> float:
            return 0.0

    stand_ins: dict[str, Any] = {"device": torch.device("meta"), "metric": Metric()}
    declared = [
        r._replace(build=lambda *_, name=r.name: stand_ins[name], close=None)
        if r.name in stand_ins
        else r
        for r in learned.DECLARED
    ]
    with Container(declared, asked(Alone(tmp_path))) as own:
        batch = next(own["batches"])
        loss = learned.loss(own, torch.tensor(batch.images, device="meta"), batch.records)
        _step(own, loss)
        weights = list(own["model"].parameters())
        assert learned.score(own, slice(0, 16)) == 0.0
    assert loss.device.type == "meta"
    assert {w.device.type for w in weights} == {w.grad.device.type for w in weights} == {"meta"}
    assert set(scored) == {"meta"}


def test_what_a_card_keeps_is_let_go_of_at_the_end(
    cards: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append("empty"))
    declared = [r for r in DECLARED if r.name in ("device", "precision")]
    own = Container(declared, asked(Alone(tmp_path)))
    assert own["precision"].dtype != torch.float32
    assert emptied == []
    own.close()
    assert emptied == ["empty"]


def test_weights_are_kept_on_the_cpu_in_one_step(tmp_path: Path) -> None:
    model = torch.nn.Linear(3, 2)
    files = Files(tmp_path, model)
    files.save("best")
    before = model.weight.detach().clone()
    with torch.no_grad():
        model.weight.zero_()
    files.load("best")
    assert torch.equal(model.weight, before)
    assert [path.name for path in tmp_path.iterdir()] == ["best.safetensors"]


def test_the_tokenizer_has_the_words_of_the_target(tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    (tmp_path / "again").mkdir()
    with Container(captioning.DECLARED, asked(Alone(tmp_path))) as own:
        captions = [captioning.caption_of(r) for r in own["samples"].records]
        tokenizer, held = own["tokenizer"], own["target"]
        words = {word for text in captions for word in re.findall(r"\w+|[^\w\s]+", text)}
        assert set(tokenizer.get_vocab()) == words | set(captioning.SPECIAL)
        assert [tokenizer.token_to_id(name) for name in captioning.SPECIAL] == [0, 1, 2, 3]
        assert held.tokens.shape[0] == 32
        for text, row in zip(captions, held.tokens.tolist(), strict=True):
            ids = [token for token in row if token]
            assert (ids[0], ids[-1]) == (2, 3)
            said = "".join(map(tokenizer.id_to_token, ids[1:-1]))
            assert said == "".join(text.split())
        assert tokenizer.encode("zebra").ids == [2, 1, 3]
    kept = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert kept.get_vocab() == tokenizer.get_vocab()
    with Container(captioning.DECLARED, asked(Alone(tmp_path / "again"))) as own:
        assert own["tokenizer"].get_vocab() == tokenizer.get_vocab()


@pytest.mark.slow
def test_a_network_learns_to_describe_what_it_sees(tmp_path: Path) -> None:
    """It is less sure of captions that are of other pictures."""
    trial = Alone(tmp_path)
    training = {"steps": 100, "batch_size": 32, "samples": 128, "held_out": 128, "rate": 0.01}
    with Container(captioning.DECLARED, asked(trial, **training)) as own:
        _, held_out = train(own, captioning.loss, captioning.score)
        held = own["target"]
        others = captioning.Held(held.images.roll(1, 0), held.tokens)
        mixed = captioning.score(
            {**{n: own[n] for n in own.built}, "target": others}, slice(128, None)
        )
    assert held_out < 0.6 * trial.values[0]
    assert held_out < 0.95 * mixed


def test_what_has_no_caption_is_told() -> None:
    for record in ({}, {"caption": ""}, {"caption": 3}):
        with pytest.raises(
            ConfigError, match="labels: caption_perplexity needs the label captions"
        ):
            captioning.caption_of(record)


def curve(trial: Alone, tracker: str) -> dict[str, list[tuple[int, float]]]:
    """A training's numbers, and what ``tracker`` has kept of them."""
    with Container(counting.DECLARED, asked(trial, tracker=tracker, workers=1)) as own:
        train(own, counting.loss, counting.score)
    return {"error": list(zip(range(2, 11, 2), trial.values, strict=True))}


def test_tensorboard(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    expected = curve(Alone(tmp_path), "tensorboard")
    read = EventAccumulator(str(tmp_path)).Reload()
    kept = [(event.step, event.value) for event in read.Scalars("error")]
    assert kept == [(step, pytest.approx(value)) for step, value in expected["error"]]
    assert [event.step for event in read.Scalars("loss")] == [2, 4, 6, 8, 10]


def wandb_records(path: Path) -> Iterator[Any]:
    """The records of a ``.wandb`` file: LevelDB's log format, 32 KB blocks, after seven bytes."""
    from wandb.proto import wandb_internal_pb2

    data, place, part = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, place)
        part += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield wandb_internal_pb2.Record.FromString(part)
            part = b""


@pytest.mark.slow
def test_wandb_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "WANDB_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # there is no network
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = tmp_path / "study" / "trials" / "0003"
    folder.mkdir(parents=True)
    expected = curve(Alone(folder, study=tmp_path / "study"), "wandb")
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    records = list(wandb_records(file))
    (run,) = [r.run for r in records if r.WhichOneof("record_type") == "run"]
    assert (run.project, run.display_name) == ("study", "0003")
    varied = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert varied["effects.blur.sigma"] == "1.5"
    kept = []
    for record in records:
        if record.WhichOneof("record_type") == "history":
            row = {i.key or i.nested_key[0]: i.value_json for i in record.history.item}
            kept.append((int(row["_step"]), float(row["error"])))
            assert float(row["loss"]) > 0
    assert kept == [(step, pytest.approx(value)) for step, value in expected["error"]]
    assert records[-1].WhichOneof("record_type") == "exit"


@pytest.mark.slow
def test_a_trial_that_is_killed_leaves_no_process_of_wandb(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([HERE, os.environ.get("PYTHONPATH", "")]))
    done = command(
        *("tune", "study=study", "space=lines", "objective=lab_objectives:killed_while_tracked"),
        *("n_trials=1", "primitives=lines", "canvas.size=[16,16]"),
    )
    assert done.returncode == 0, done.stderr
    assert "its process was ended by SIGKILL" in done.stdout
    assert list((command.folder / "study").glob("trials/0000/wandb/offline-run-*/run-*.wandb"))
    until(lambda: not any(group(p) for p in command._started), "no orphan")
    folder = str(command.folder)
    until(lambda: not [p for p in Path("/proc").glob("[0-9]*") if works_in(p, folder)], "no orphan")


def works_in(process: Path, folder: str) -> bool:
    try:
        return (process / "cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


@pytest.mark.slow
def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trials at once make and fill one store; MLflow's own client reads it."""
    for package in ("mlflow", "sqlalchemy", "alembic"):
        pytest.importorskip(package)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    training = Training(**SMALL, tracker="mlflow")
    plan = Plan(Space.load("lines"), Settings(n_trials=2, jobs=2, training=training),
                ("primitives=lines", "canvas.size=[32,32]"))  # fmt: skip
    study = Study(tmp_path / "study", plan).run()
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{tmp_path / 'study' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("study")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == ["0000", "0001"]
    for run in runs:
        trial = study.trials[int(run.info.run_name)]
        kept = {m.step: m.value for m in client.get_metric_history(run.info.run_id, "error")}
        assert kept == {step: pytest.approx(v) for step, v in trial.intermediate_values.items()}
        assert run.info.status == "FINISHED"
        assert run.data.params.keys() >= {p for p in trial.params if trial.params}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["study"]


@pytest.mark.parametrize(
    ("tracker", "package", "extra"),
    [("wandb", "wandb", "wandb"), ("mlflow", "mlflow", "mlflow"), ("mlflow", "alembic", "mlflow")],
)
def test_a_tracker_that_is_not_installed(
    tracker: str, package: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(trackers, "find_spec", lambda name: None if name == package else object())
    folder = tmp_path / "study"
    options = ["space=lines", "primitives=lines", f"study={folder}", f"training.tracker={tracker}"]
    assert main(["tune", *options]) == 2
    told = f'training.tracker: {tracker} needs {package}; pip install "synthdata[{extra}]"'
    assert told in capsys.readouterr().err
    assert not folder.exists()


def test_every_tracker_can_be_asked_for() -> None:
    named = get_args(get_type_hints(Training)["tracker"])
    assert set(named) == TRACKERS.keys() == trackers.NEEDS.keys()
