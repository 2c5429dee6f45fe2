"""What programs import: the samples that a run writes, and no import that is not needed."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from going_wrong import write_plugin
from PIL import Image
from processes import environment
from shipped import PRIMITIVES, only

import synthdata
from synthdata.cli.warm import WORKER_MODULES
from synthdata.errors import ConfigError


@pytest.mark.parametrize("name", PRIMITIVES)
def test_a_generator_gives_what_the_run_writes(name: str, tmp_path: Path) -> None:
    overrides = [f"primitives={name}", "canvas.size=[96,72]", "seed=4", "effects=[gaussian_noise]"]
    overrides += ["labels=[marks,instance_mask]"]
    run = synthdata.generate([*overrides, "n=9", "engine=serial", "shard_size=4"], tmp_path / "run")
    generator = synthdata.Generator(run.config.sample_config)
    if name in ("lines", "text"):  # composing each takes longer than drawing
        generator = synthdata.Generator.from_config(overrides)
        assert generator.config == run.config.sample_config
    sample = generator[8]
    record = list(run.records())[8]
    shard = run.path / "dataset" / "00002"
    with Image.open(shard / record["file_name"]) as picture:
        assert np.array_equal(np.asarray(picture), sample.image)
    with Image.open(shard / record["mask_file_name"]) as mask:
        assert np.array_equal(np.asarray(mask), sample.masks["mask"])
    encoded, files = generator.encode(sample)
    assert json.loads(json.dumps(encoded)) == record
    assert files == {n: (shard / n).read_bytes() for n in files}
    for key, value in json.loads(json.dumps(sample.record)).items():
        assert record[key] == value


def test_runs_stay_where_they_were_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs go to other folders, as Hydra's do with ``hydra.job.chdir``."""
    tiny = ["primitives=lines", "canvas.size=[24,16]", "n=3", "engine=serial"]
    monkeypatch.chdir(tmp_path)
    made = [synthdata.generate(tiny, "run"), synthdata.generate(tiny)]
    read = [synthdata.Run.load("run"), synthdata.Run.load(made[1].path.relative_to(tmp_path))]
    data = synthdata.Dataset.from_run("run")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    for run in (*made, *read):
        assert run.path.is_relative_to(tmp_path)
        assert [record["index"] for record in run.records()] == [0, 1, 2]
        assert run.execute().state["status"] == "complete"
    assert data[2]["record"]["index"] == 2
    assert os.listdir() == []


@pytest.mark.parametrize(
    "overrides",
    [
        *([f"encoder={name}"] for name in ("png", "jpeg", "webp", "tiff", "npy")),
        *(["encoder=jpeg", "canvas.mode=grey"], ["effects=[blur]"], ["effects=[perspective]"]),
        ["encoder=jpeg", "renderer.supersample=2"],
        ["encoder.level=1"],
    ],
    ids=" ".join,
)
def test_a_lent_image_gives_the_same_files(overrides: list[str]) -> None:
    overrides = ["primitives=mixed", "canvas.size=[61,40]", *overrides]
    generator = synthdata.Generator.from_config(overrides)
    other = synthdata.Generator(generator.config)
    for index in range(4):
        kept = other[index]
        lent = generator.lent(index)
        assert np.array_equal(lent.image, kept.image)
        assert generator.encode(lent) == other.encode(kept)


def test_a_run_directory_is_no_override_of_programs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"hydra.run.dir.*second argument"):
        synthdata.generate(["n=2", f"hydra.run.dir={tmp_path / 'x'}"])


def test_any_order_gives_the_same_samples() -> None:
    overrides = ["primitives=lines", "canvas.size=[40,30]", "effects=[gaussian_noise]"]
    forwards, backwards = (synthdata.Generator.from_config(overrides) for _ in range(2))
    samples = [forwards[i] for i in range(8)]
    for index in reversed(range(8)):
        again = backwards[index]
        assert np.array_equal(again.image, samples[index].image)
        assert again.record == samples[index].record
    assert np.array_equal(forwards[3].image, samples[3].image)


def test_what_a_sample_holds() -> None:
    generator = synthdata.Generator.from_config(["primitives=lines", "canvas.size=[40,30]"])
    sample = generator[2**40]
    assert sample.image.shape == (30, 40, 3)
    assert sample.image.dtype == np.uint8
    kept = sample.image.copy()
    sample.image[:] = 0  # it is the caller's own
    assert np.array_equal(generator[2**40].image, kept)
    assert sample.record["index"] == 2**40
    assert len(sample.record["marks"]) == len(sample.scene.marks)
    assert isinstance(sample.scene, synthdata.Scene)
    assert isinstance(sample.scene.marks[0], synthdata.Mark)
    grey = synthdata.Generator.from_config(["canvas.size=[40,30]", "canvas.mode=grey"])
    assert grey[0].image.shape == (30, 40)


@pytest.mark.parametrize("index", [-1, -(2**63), 2**63, 2**64])
def test_indices_outside(index: int) -> None:
    with pytest.raises(IndexError, match=str(index)):
        synthdata.Generator.from_config([])[index]


def test_boxes_lie_on_the_canvas_and_hold_what_is_painted() -> None:
    """x + width never beyond the canvas, not even by what rounding adds."""
    for name in PRIMITIVES:
        generator = synthdata.Generator(only("primitives", name, (97, 61)))
        for index in range(15):
            for mark in generator[index].record["marks"]:
                if mark["bbox"] is None:
                    continue
                x, y, width, height = mark["bbox"]
                assert x >= 0
                assert y >= 0
                assert width >= 0
                assert height >= 0
                assert round(x + width, 9) <= 97, mark["bbox"]
                assert round(y + height, 9) <= 61, mark["bbox"]


def test_floats_are_rounded_once() -> None:
    text = json.dumps(synthdata.Generator.from_config(["primitives=lines"])[0].record)
    assert re.findall(r"\d\.\d{4,}", text) == []


def test_an_index_of_numpy_is_a_number() -> None:
    generator = synthdata.Generator.from_config(["primitives=lines", "canvas.size=[24,16]"])
    expected, image = json.dumps(generator[3].record), np.empty((16, 24, 3), np.uint8)
    assert json.dumps(generator[np.int64(3)].record) == expected  # type: ignore[index]
    assert json.dumps(generator.into(np.uint8(3), image).record) == expected  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="float"):
        generator[3.0]  # type: ignore[index]


def test_generate_goes_on_with_the_same_directory(tmp_path: Path) -> None:
    arguments = ["n=4", "canvas.size=[20,20]", "engine=serial"]
    first = synthdata.generate(arguments, tmp_path / "run")
    again = synthdata.generate([*arguments, "n=9"], tmp_path / "run")
    assert again.state["n"] == 9
    assert list(again.metadata())[:4] == list(
        synthdata.generate(arguments, tmp_path / "x").metadata()
    )
    assert first.path == again.path


@pytest.mark.parametrize("overrides", [{"n": 3}, ["n=3", 4], None])
def test_what_is_no_list_of_overrides(overrides: Any) -> None:
    for make in (synthdata.generate, synthdata.Generator.from_config):
        with pytest.raises(ConfigError, match=r"overrides: .* is not a list of texts"):
            make(overrides)


def test_a_plugin_in_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = write_plugin(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = synthdata.generate(
        [*plugin.overrides(), "n=3"], tmp_path / "run", config_dir=plugin.folder / "conf"
    )
    assert made.state["made"] == 3
    with pytest.raises(ConfigError, match="faulty"):
        synthdata.Run.load(tmp_path / "run")
    assert synthdata.Run.load(tmp_path / "run", ["faulty"]).state["made"] == 3
    generator = synthdata.Generator.from_config(
        plugin.overrides(), config_dir=plugin.folder / "conf"
    )
    assert generator[2].record["marks"] == next(islice(made.records(), 2, None))["marks"]


def test_all_public_names_are_there() -> None:
    for name in synthdata.__all__:
        assert getattr(synthdata, name) is not None
        assert name in dir(synthdata)
    with pytest.raises(AttributeError, match="nothing"):
        synthdata.nothing  # noqa: B018


def test_type_checkers_are_told_to_read_the_types() -> None:
    assert (Path(synthdata.__file__).parent / "py.typed").is_file()  # PEP 561


def imported(code: str) -> set[str]:
    """The top-level modules that a fresh process has after ``code``."""
    script = f"{code}\nimport sys; print(*{{m.partition('.')[0] for m in sys.modules}})"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stdout.split())


def test_importing_synthdata_imports_nothing_heavy() -> None:
    heavy = {"numpy", "hydra", "omegaconf", "matplotlib", "PIL", "joblib", "rich", "yaml", "isal"}
    assert imported("import synthdata") & heavy == set()


def test_importing_what_makes_samples_imports_no_hydra() -> None:
    """So that training code that has a config.yaml does without."""
    code = "from synthdata.config import Config; from synthdata.generator import Generator"
    assert imported(code) & {"hydra", "omegaconf", "joblib", "rich", "cv2"} == set()


def test_workers_import_what_makes_shards() -> None:
    code = f"import synthdata.engines.loky, {', '.join(WORKER_MODULES)}"
    assert imported(code) & {"hydra", "omegaconf", "joblib", "rich", "yaml"} == set()


def test_importing_synthdata_is_quick() -> None:
    def seconds(code: str) -> float:
        """Of a processor: the least of three."""
        used = []
        for _ in range(3):
            process = subprocess.Popen([sys.executable, "-c", code], env=environment())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            assert process.returncode == 0
            used.append(usage.ru_utime + usage.ru_stime)
        return min(used)

    assert seconds("import synthdata") <= 2 * seconds("import numpy")


def test_an_image_and_its_file_are_the_same_pixels() -> None:
    generator = synthdata.Generator.from_config(["canvas.size=[33,21]", "canvas.dpi=300"])
    sample = generator[5]
    record, files = generator.encode(sample)
    with Image.open(io.BytesIO(files[record["file_name"]])) as picture:
        assert np.array_equal(np.asarray(picture), sample.image)
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.02)
