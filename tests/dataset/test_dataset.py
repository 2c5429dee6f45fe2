"""``Dataset``: a run's samples without a disk, and from it, in any process and thread."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from going_wrong import Plugin
from omegaconf import OmegaConf
from PIL import Image
from processes import environment

import synthdata
from synthdata import Dataset
from synthdata.api import config as config_of
from synthdata.compose import conf_dir
from synthdata.config import Config
from synthdata.errors import ConfigError, MissingSample
from synthdata.schema import structured

PRIMITIVES = sorted(p.stem for p in (conf_dir() / "primitives").glob("*.yaml"))
ASKING = {"captions_llm"}  # which a data set made as asked for refuses
LABELS = sorted({p.stem for p in (conf_dir() / "labels").glob("*.yaml")} - ASKING)
ALL_LABELS = f"labels=[{','.join(LABELS)}]"
TINY = ["canvas.size=[48,36]", "primitives.lines.count=2", "seed=4"]


def same(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert list(a) == list(b)
    assert list(a["record"]) == list(b["record"])
    assert a["record"] == b["record"]
    for name in a.keys() - {"record"}:
        assert a[name].dtype == b[name].dtype
        assert np.array_equal(a[name], b[name])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> synthdata.Run:
    overrides = [*TINY, "labels=[marks,instance_mask]", "n=11", "shard_size=4", "engine=serial"]
    return synthdata.generate(overrides, tmp_path_factory.mktemp("run") / "run")


def check_both(overrides: list[str], folder: Path) -> None:
    run = synthdata.generate([*overrides, "n=5", "shard_size=2", "engine=serial"], folder / "run")
    made, read = Dataset.from_config(overrides, n=5), Dataset.from_run(run.path)
    assert len(made) == len(read) == 5
    for index in (4, 0, 3):
        same(made[index], read[index])
        image = np.zeros_like(made[index]["image"])
        for data in (made, read):
            data.image_into(index, image)
            assert np.array_equal(image, data[index]["image"])
            arrays = [array for name, array in data[index].items() if name != "record"]
            assert all(array.flags.writeable and array.flags.c_contiguous for array in arrays)
    assert len(pickle.dumps(made)) < 10_000
    assert len(pickle.dumps(read)) < 10_000


@pytest.mark.parametrize("mode", ["rgb", "grey", "binary"])
@pytest.mark.parametrize("encoder", ["png", "npy", "tiff", "webp"])
def test_made_and_read_are_equal_for_lossless_encoders(encoder, mode, tmp_path) -> None:
    overrides = [*TINY, f"encoder={encoder}", f"canvas.mode={mode}", "effects=[affine,blur]"]
    overrides += ["encoder.lossless=true"] if encoder == "webp" else []
    check_both([*overrides, "labels=[marks,semantic_mask,boxes]"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("primitive", PRIMITIVES)
def test_made_and_read_are_equal_for_every_primitive_and_label(primitive, tmp_path) -> None:
    overrides = [f"primitives={primitive}", "canvas.size=[96,72]", "seed=4", ALL_LABELS]
    check_both([*overrides, "effects=[gaussian_noise]"], tmp_path)


@pytest.mark.parametrize("encoder", ["jpeg", "webp"])
def test_lossy_pictures_are_what_the_encoder_leaves(encoder: str, tmp_path: Path) -> None:
    overrides = [*TINY, f"encoder={encoder}"]
    run = synthdata.generate([*overrides, "n=3", "engine=serial"], tmp_path / "run")
    made, read = Dataset.from_config(overrides), Dataset.from_run(run.path)
    for index in range(3):
        data = made.config.encoder.encode(made[index]["image"], made.config.canvas.dpi)
        with Image.open(io.BytesIO(data)) as picture:
            assert np.array_equal(np.asarray(picture), read[index]["image"])
        assert made[index]["record"] == read[index]["record"]


def test_it_is_a_sequence(run: synthdata.Run) -> None:
    for data in (Dataset.from_config(TINY, n=11), Dataset.from_run(run.path)):
        indices = [sample["record"]["index"] for sample in data]
        assert indices == list(range(len(data))) == list(range(11))
        assert data[-1]["record"]["index"] == 10
        part = data[2:9:2][1:]
        assert [s["record"]["index"] for s in part] == [4, 6, 8]
        assert [s["record"]["index"] for s in part.__getitems__([2, 0])] == [8, 4]
        assert [s["record"]["index"] for s in reversed(data[:3])] == [2, 1, 0]
        for beyond in (11, -12):
            with pytest.raises(IndexError, match=f"sample {beyond} of 11"):
                data[beyond]
        assert len(data[20:]) == 0
        again = pickle.loads(pickle.dumps(part))
        same(again[2], part[2])


def test_arrays_are_the_callers_own() -> None:
    data = Dataset.from_config([*TINY, "labels=[marks,instance_mask]"], n=3)
    first = data[0]
    for name in ("image", "mask"):
        assert first[name].flags.writeable
        assert first[name].flags.c_contiguous
    first["image"][:] = 0
    first["record"]["marks"].clear()
    assert data[0]["image"].any()
    assert data[0]["record"]["marks"]


def test_every_form_of_a_config_gives_the_same_samples(run: synthdata.Run, tmp_path: Path) -> None:
    overrides = [
        "primitives=[lines,circles]",
        "primitives.lines.count=3",
        "seed=9",
        "effects=[blur]",
    ]
    overrides += ["canvas.size=[40,30]", "layout=grid", "primitives.lines.width={dist: choice, "]
    overrides[-1] += "values: [1, 2.5]}"
    config = config_of([*overrides, "n=77"])
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    width = {"dist": "choice", "values": [1, 2.5]}
    forms: list[Any] = [
        [*overrides, "n=77"],
        config,
        tmp_path / "config.yaml",
        str(tmp_path / "config.yaml"),
        config.to_mapping(),
        {
            "primitives": {"lines": {"count": 3, "width": width}, "circles": None},
            "canvas": {"size": [40, 30]},
            "layout": "grid",
            "effects": ["blur"],
            "seed": 9,
            "n": 77,
        },
    ]
    expected = Dataset.from_config(overrides, n=5)
    for form in forms:
        data = Dataset.from_config(form)
        assert len(data) == 77
        assert len(Dataset.from_config(form, n=5)) == 5
        assert data.config == expected.config
        same(data[3], expected[3])
    assert Dataset.from_config("primitives=circles").config.primitives.keys() == {"circles"}
    assert len(Dataset.from_config(config.sample_config)) == 1000


def test_from_what_omegaconf_makes_of_a_structured_config() -> None:
    cfg = OmegaConf.structured(structured(Config))
    cfg.canvas.size, cfg.n = [24, 16], 7
    expected = Dataset.from_config(cfg)
    data = Dataset.from_config(OmegaConf.to_object(cfg))
    assert len(data) == 7
    assert data.config == expected.config
    same(data[3], expected[3])


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (["primitives=lins"], "did you mean 'lines'"),
        ("missing.yaml", "is not a file"),
        (7, "7 is not a list of overrides"),
        ({"primitives": "lines", "sed": 3}, "did you mean 'seed'"),
        ({"layout": {"grid": {}, "free": {}}}, "choose one"),
        ({"canvas": {"size": "it's [\\"}}, "size"),
        ({"primitives": {"x": {"_target_": "os.system"}}}, "outside synthdata"),
    ],
)
def test_bad_configs(config: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Dataset.from_config(config)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_sizes() -> None:
    for bad in (-1, 1e3, 10.5, "7", True):
        with pytest.raises(ConfigError, match=f"n: {bad!r}"):
            Dataset.from_config(TINY, n=bad)  # type: ignore[arg-type]
    assert len(Dataset.from_config(TINY, n=np.int64(3))) == 3  # type: ignore[arg-type]
    assert len(Dataset.from_config(TINY, n=0)) == 0


@pytest.mark.parametrize("mode", ["rgb", "grey"])
@pytest.mark.parametrize("effects", ["", "blur"])
def test_images_go_only_where_they_stay_what_they_are(
    run: synthdata.Run, mode: str, effects: str
) -> None:
    made = Dataset.from_config([*TINY, f"canvas.mode={mode}", f"effects=[{effects}]"], n=11)
    for data in (made, Dataset.from_run(run.path)):
        shape = data.image_shape
        fixed = np.empty(shape, np.uint8)
        fixed.flags.writeable = False
        wrong = [np.empty(shape, np.int8), np.empty(shape, bool), np.empty((1, *shape), np.uint8)]
        wrong += [np.empty(shape[1:], np.uint8), np.empty((9, *shape[1:]), np.uint8), fixed]
        for out in (*wrong, [1]):
            for into in (data.image_into, data.sample_into):
                if out is None and into == data.sample_into:
                    continue
                with pytest.raises(ConfigError, match="out: "):
                    into(3, out)  # type: ignore[arg-type]
        for kind in (np.uint8, np.int16, np.float32):
            out = np.zeros((*shape[:2], 2, *shape[2:]), kind)[:, :, 1]  # with gaps
            data.image_into(3, out)
            assert np.array_equal(out, data[3]["image"])


def test_positions_are_whole_numbers_or_slices(run: synthdata.Run) -> None:
    made = Dataset.from_config(TINY, n=11)
    for data in (made, Dataset.from_run(run.path), made[::2], made.epoch(1)):
        assert data[np.int64(2)]["record"] == data[2]["record"]
        for wrong in (3.0, "3", None, [1, 2], np.float64(1)):
            with pytest.raises(TypeError, match="give a whole number, or a slice"):
                data[wrong]  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="epoch: -1"):
        made.epoch(-1)


def test_epochs_have_samples_of_their_own() -> None:
    data = Dataset.from_config(TINY, n=10)
    train, held_out = data[:8], data[8:]
    seen: list[int] = []
    for epoch in range(3):
        for part in (train, held_out):
            seen += [part.epoch(epoch).index_of(k) for k in range(len(part))]
    assert sorted(seen) == list(range(30))
    assert train.epoch(2)[0]["record"]["index"] == 20


def test_a_run_has_one_epoch(run: synthdata.Run) -> None:
    data = Dataset.from_run(run.path)
    assert data.epoch(0) is data
    with pytest.raises(ConfigError, match="fresh=False"):
        data.epoch(1)


def test_steps() -> None:
    data = Dataset.from_config([*TINY, "primitives.lines.count={schedule: [[0, 1], [10, 6]]}"], n=5)
    counts = [len(data.at(step)[3]["record"]["marks"]) for step in (0, 4, 10, 99)]
    assert counts == [1, 3, 6, 6]
    assert len(data[3]["record"]["marks"]) == 1
    same(pickle.loads(pickle.dumps(data.at(4)[1:]))[2], data.at(4)[3])
    plain = Dataset.from_config(TINY, n=5)
    assert plain.at(99) is plain


def test_pairs_by_key() -> None:
    data = Dataset.from_config([*TINY, "effects=[blur]", "effects.blur.sigma=1.5"], n=5)
    sample, other = data.pair(3, effects="[blur,gaussian_noise]")
    same(sample, data[3])
    assert other["record"]["marks"] == sample["record"]["marks"]
    assert other["record"]["effects"]["blur"] == {"sigma": 1.5}  # what was there keeps its keys
    assert not np.array_equal(other["image"], sample["image"])
    _, black = data.pair(-2, "canvas.background=black")
    assert (black["record"]["index"], black["record"]["background"]) == (3, "#000000")
    expected = Dataset.from_config([*TINY, "effects=[blur]", "effects.blur.sigma=3"])
    same(data.pair(3, "effects.blur.sigma=3")[1], expected[3])
    same(data.counterpart("effects.blur.sigma=3")[1:][2], expected[3])


def test_pairs_by_stream() -> None:
    data = Dataset.from_config([*TINY, "effects=[gaussian_noise]"], n=5)

    def geometry(sample: dict[str, Any]) -> Any:
        return [mark["keypoints"] for mark in sample["record"]["marks"]]

    def colors(sample: dict[str, Any]) -> Any:
        return [mark["params"]["color"] for mark in sample["record"]["marks"]]

    variants = [data.pair(0, stream="style", variant=k)[1] for k in range(1, 9)]
    assert all(geometry(v) == geometry(data[0]) for v in variants)
    assert len({str(colors(v)) for v in variants}) > 4
    sample, moved = data.pair(0, stream="geometry/lines")
    assert geometry(moved) != geometry(sample)
    assert moved["record"]["effects"] == sample["record"]["effects"]
    sample, noisy = data.pair(0, stream="effects")
    assert noisy["record"]["marks"] == sample["record"]["marks"]
    assert not np.array_equal(noisy["image"], sample["image"])
    same(noisy, data.pair(0, stream="effects")[1])


def test_pairs_of_a_run(run: synthdata.Run) -> None:
    sample, twin = Dataset.from_run(run.path).pair(2)
    same(sample, twin)


@pytest.mark.parametrize(
    ("arguments", "named", "words"),
    [
        ((), {"stream": "styl"}, "did you mean 'style'"),
        ((), {"stream": "effects"}, "'effects' is not drawn from"),
        ((), {"stream": "style", "variant": 0}, "variant: 0"),
        (("effects=[blr]",), {}, "did you mean 'blur'"),
        (("primitives.lines.wdth=3",), {}, "did you mean 'width'"),
        (("primitives.lines.width.high=-1",), {}, "low=1.0 is above high=-1.0"),
        (("n=4",), {}, "n: no such key"),
        (("a b",), {}, "cannot be read"),
        ((), {"efects": "blur"}, "did you mean 'effects'"),
        (("primitives.lines._target_=os.system",), {}, "outside synthdata"),
    ],
)
def test_bad_pairs(arguments, named, words) -> None:
    with pytest.raises(ConfigError) as caught:
        Dataset.from_config(TINY, n=3).pair(0, *arguments, **named)
    assert words in str(caught.value)


def test_failed_samples(faulty: Plugin, tmp_path: Path) -> None:
    overrides = [*faulty.overrides(at=[0, 5, 6], how="throw"), "n=9", "shard_size=4"]
    overrides += ["engine=serial", "failures.max_rate=null"]
    run = synthdata.generate(overrides, tmp_path / "run", config_dir=faulty.folder / "conf")
    data = Dataset.from_run(run.path, plugins=["faulty"])
    assert len(data) == 9
    assert data[7]["record"]["index"] == 7
    for index in (0, 5, 6):
        with pytest.raises(MissingSample, match=f"sample {index} could not be made"):
            data[index]
    skipping = Dataset.from_run(run.path, plugins=["faulty"], missing="skip")
    assert [s["record"]["index"] for s in skipping] == [1, 2, 3, 4, 7, 8]
    assert skipping[-1]["record"]["index"] == 8
    twins = skipping.counterpart("canvas.background=red")
    for there in (twins, pickle.loads(pickle.dumps(twins)), twins.counterpart("canvas.dpi=96")):
        assert [s["record"]["index"] for s in there[1:]] == [2, 3, 4, 7, 8]
    assert skipping.pair(4)[1]["record"]["index"] == 7
    assert twins.epoch(1).index_of(0) == 9  # none of the run's
    with pytest.raises(ConfigError, match="missing: 'ignore'"):
        Dataset.from_run(run.path, missing="ignore")  # type: ignore[arg-type]


def test_a_run_with_missing_shards_or_strange_records(run: synthdata.Run, tmp_path: Path) -> None:
    import shutil

    with pytest.raises(ConfigError, match="not a run directory"):
        Dataset.from_run(tmp_path)
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    metadata = copy / "dataset" / "00001" / "metadata.jsonl"
    lines = metadata.read_bytes().splitlines()
    record = json.loads(lines[0])
    for line in (
        json.dumps(record | {"file_name": "../../../config.yaml"}),
        json.dumps(record | {"file_name": "../00000/000000000.png"}),
    ):
        metadata.write_bytes(b"\n".join([line.encode(), *lines[1:], b""]))
        with pytest.raises(ConfigError, match="is not the name of a file"):
            Dataset.from_run(copy)[4]
    for text in (b"{", b"[]\n", b'{"index": "4"}\n', lines[1] + b"\n" + lines[0] + b"\n"):
        metadata.write_bytes(text)
        with pytest.raises(ConfigError, match="verify says more"):
            Dataset.from_run(copy)[4]
    metadata.write_bytes(b"")
    with pytest.raises(MissingSample):
        Dataset.from_run(copy)[4]
    metadata.write_bytes(b"\n".join([*lines, b""]))
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"
    for picture in (b"no picture", postscript, b"P6\n1 1\n255\nrgb", b"\x93NUMPY" + b"(" * 9000):
        (metadata.parent / record["file_name"]).write_bytes(picture)
        with pytest.raises(MissingSample, match="cannot be read"):
            Dataset.from_run(copy)[4]
    shutil.rmtree(metadata.parent)
    with pytest.raises(ConfigError, match="of its 3 shards 00001 are missing"):
        Dataset.from_run(copy)


def test_a_run_is_read_from_wherever_a_program_goes(
    run: synthdata.Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As Hydra's programs do with ``hydra.job.chdir``."""
    monkeypatch.chdir(run.path.parent)
    data = synthdata.Dataset.from_run(run.path.name)
    monkeypatch.chdir(tmp_path)
    there = pickle.loads(pickle.dumps(data))
    assert there[len(data) - 1]["record"] == data[-1]["record"]


def test_records_kept_in_memory_are_bounded(
    run: synthdata.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthdata.dataset import stored

    monkeypatch.setattr(stored, "CACHED_BYTES", 1)
    data = Dataset.from_run(run.path)
    expected = Dataset.from_config(run.config)
    for index in (0, 10, 5, 1, 9, 2):
        same(data[index], expected[index])
        assert len(data.source._own["records"]._kept._kept) == 1  # type: ignore[attr-defined]


def test_numpys_error_state_decides_nothing(tmp_path: Path) -> None:
    """What a training script sets to find its own NaNs: an exp in here underflows to 0."""
    config = ["effects=[paper,poisson_noise]", "canvas.size=[48,40]", "primitives=mixed"]
    usual = synthdata.Dataset.from_config(config, n=4)
    with np.errstate(all="raise"):
        strict = synthdata.Dataset.from_config(config, n=4)
        made, image = [strict[i] for i in range(4)], np.empty((40, 48, 3), np.uint8)
        strict.image_into(1, image)
        run = synthdata.generate([*config, "n=4", "engine=serial"], tmp_path / "strict")
        assert np.geterr()["under"] == "raise"
    assert [record["marks"] for record in run.records()] == [
        usual[i]["record"]["marks"] for i in range(4)
    ]
    assert (image == usual[1]["image"]).all()
    for sample, other in zip(made, usual, strict=True):
        assert (sample["image"] == other["image"]).all()
        assert sample["record"] == other["record"]


def test_threads_make_what_one_makes() -> None:
    overrides = ["primitives=[lines,text]", "canvas.size=[64,48]", "effects=[blur,gaussian_noise]"]
    data = Dataset.from_config([*overrides, "labels=[marks,instance_mask,captions]"], n=12)
    expected = list(data)
    found: list[list[dict[str, Any]]] = [[] for _ in range(4)]
    fresh = pickle.loads(pickle.dumps(data))

    def work(mine: list[dict[str, Any]]) -> None:
        mine.extend(fresh[k] for k in range(12))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in found]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    for mine in found:
        assert len(mine) == 12
        for a, b in zip(mine, expected, strict=True):
            same(a, b)


FORKED = """
import multiprocessing, hashlib, sys
import synthdata

def digest(data, k):
    sample = data[k]
    text = repr(sample["record"]).encode() + sample["image"].tobytes()
    return hashlib.sha256(text).hexdigest()

def work(arguments):
    return digest(*arguments)

if __name__ == "__main__":
    overrides = ["primitives=[lines,text]", "canvas.size=[64,48]", "effects=[gaussian_noise]"]
    data = synthdata.Dataset.from_config(overrides, n=12)
    here = [digest(data, k) for k in range(12)]  # the parent has a renderer and fonts by now
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            there = pool.map(work, [(data, k) for k in range(12)], chunksize=1)
        assert there == here, method
"""


def python(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_processes_started_in_any_way_make_what_the_parent_makes(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(FORKED)
    python("script.py", cwd=tmp_path)


def test_nothing_inherited_is_used_after_a_fork() -> None:
    data = Dataset.from_config(["primitives=text", "canvas.size=[40,30]"], n=3)
    data[0]
    own = data.source._own  # type: ignore[attr-defined]
    before = id(own["generator"])
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(
                write, b"y" if id(own["generator"]) != before and data[1]["image"].any() else b"n"
            )
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"y"
    os.close(read)
    os.waitpid(child, 0)


HYDRA_APP = """
import threading
import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate

@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg):
    before = GlobalHydra.instance().hydra, HydraConfig.get().job.name
    train, val = instantiate(cfg.train), instantiate(cfg.val)
    assert len(train) == 50 and len(val) == 10
    assert train.config.canvas.size == (24, 24) and train.config.seed == 3
    assert val.config.seed == 4 and list(val.config.effects) == ["blur"]
    assert train[3]["image"].shape == (24, 24, 3)
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(instantiate(cfg.val)[2]["record"]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [val[2]["record"]] * 4
    assert (GlobalHydra.instance().hydra, HydraConfig.get().job.name) == before
    print("lines:", train.config.primitives["lines"].count.value)

main()
"""

HYDRA_CONF = """
side: 24
lines: 3
train:
  _target_: synthdata.Dataset.from_config
  config:
    - primitives=lines
    - primitives.lines.count=${lines}
    - canvas.size=[${side},${side}]
    - seed=3
  n: 50
val:
  _target_: synthdata.Dataset.from_config
  config:
    primitives: {lines: {count: "${lines}", color: [crimson, '#003366']}}
    canvas: {size: ["${side}", "${side}"]}
    effects: [blur]
    seed: 4
  n: 10
"""


def test_inside_another_hydra_application(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "train.yaml").write_text(HYDRA_CONF)
    (tmp_path / "script.py").write_text(HYDRA_APP)
    assert "lines: 7" in python("script.py", "lines=7", cwd=tmp_path)


@pytest.mark.slow
def test_threads_may_compose_at_once(tmp_path: Path) -> None:
    code = """
import threading, synthdata
found = []
def work(k):
    found.append(synthdata.Dataset.from_config([f"seed={k % 2}", "canvas.size=[16,16]"])[0])
threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(found) == 6, found
"""
    python("-c", code, cwd=tmp_path)


def test_it_needs_no_framework(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["torch"] = None  # as if it were not installed
import synthdata
assert synthdata.Dataset.from_config(["canvas.size=[16,16]"], n=3)[1]["image"].shape == (16, 16, 3)
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "torch" else find(name, *a)
try:
    import synthdata.torch
except synthdata.errors.ConfigError as error:
    print(error)
"""
    assert 'pip install "synthdata[torch]"' in python("-c", code, cwd=tmp_path)


def test_import_stays_light(tmp_path: Path) -> None:
    code = "import sys, synthdata; print(sorted({'numpy', 'hydra', 'torch'} & set(sys.modules)))"
    assert python("-c", code, cwd=tmp_path) == "[]\n"
