"""``synthdata.torch``: targets in the forms of torchvision, batches, checkpoints."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import types
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from processes import environment  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

from synthdata import Dataset  # noqa: E402
from synthdata.errors import ConfigError  # noqa: E402
from synthdata.torch import (  # noqa: E402
    Batches,
    Captions,
    Classification,
    Detection,
    Order,
    Regression,
    Samples,
    Segmentation,
    collate,
    position,
)

TINY = ["canvas.size=[32,24]", "primitives.lines.count=2", "seed=4"]
RICH = [
    *("primitives=[lines,circles]", "canvas.size=[48,36]", "primitives.circles.fill=tints"),
    "labels=[marks,boxes,keypoints,instance_mask,semantic_mask,image_level,captions]",
]


@pytest.fixture(scope="module")
def tiny() -> Dataset:
    return Dataset.from_config(TINY, n=100)


@pytest.fixture(scope="module")
def rich() -> Dataset:
    return Dataset.from_config(RICH, n=30)


def index_of(sample: dict[str, Any]) -> int:
    return int(sample["record"]["index"])


def test_detection_is_what_the_mask_shows(rich: Dataset) -> None:
    target_of = Detection(masks=True, keypoints=5, extent="visible")
    entries = 0
    for sample in rich:
        target = target_of(sample)
        n = len(target["labels"])
        entries += n
        assert target["boxes"].shape == (n, 4)
        assert target["boxes"].dtype == torch.float32
        assert target["labels"].dtype == torch.int64
        assert target["masks"].shape == (n, 36, 48)
        assert target["masks"].dtype == torch.uint8
        assert target["keypoints"].shape == (n, 5, 3)
        assert int(target["image_id"]) == sample["record"]["index"]
        semantic = sample["semantic"]
        for box, label, mask in zip(
            target["boxes"], target["labels"], target["masks"].numpy().astype(bool), strict=True
        ):
            rows, columns = np.nonzero(mask)
            edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert box.tolist() == list(edges)
            assert set(semantic[mask]) == {int(label)}
        assert target["masks"].sum() == (sample["mask"] > 0).sum()
    assert entries > 200


def test_painted_boxes_and_key_points(tiny: Dataset) -> None:
    for sample in islice(tiny, 20):
        marks = [m for m in sample["record"]["marks"] if m["bbox"] is not None]
        target = Detection(keypoints=3)(sample)
        x, y, w, h = np.array([m["bbox"] for m in marks]).T
        assert np.allclose(target["boxes"].numpy().T, (x, y, x + w, y + h), atol=1e-3)
        assert np.allclose(target["area"].numpy(), w * h, rtol=1e-3, atol=1e-3)
        for mark, points in zip(marks, target["keypoints"].tolist(), strict=True):
            for (x, y), (px, py, v) in zip(mark["keypoints"], points, strict=False):
                on_canvas = 0 <= x < 32 and 0 <= y < 24
                assert v == (2 if on_canvas else 0)
                assert np.allclose((px, py), (x, y) if on_canvas else (0, 0), atol=1e-3)
            assert points[2] == [0, 0, 0]


def test_an_image_without_marks(tiny: Dataset) -> None:
    empty = Dataset.from_config([*TINY, "primitives.lines.count=0", "labels=[marks,instance_mask]"])
    target = Detection(masks=True, keypoints=2)(empty[0])
    assert target["boxes"].shape == (0, 4)
    assert target["masks"].shape == (0, 24, 32)
    assert target["keypoints"].shape == (0, 2, 3)


def test_other_targets(rich: Dataset) -> None:
    for sample in islice(rich, 8):
        record = sample["record"]
        assert Segmentation()(sample).dtype == torch.int64
        assert np.array_equal(Segmentation("mask")(sample).numpy(), sample["mask"])
        assert Captions()(sample) == record["caption"]
        counts = Regression(("counts.line", "counts.text"), missing=0.0)(sample)
        assert counts.tolist() == [record["counts"].get("line", 0), 0]
        x = Regression("marks[1].params.x")(sample)
        assert x.dtype == torch.float32
        assert x.item() == pytest.approx(record["marks"][1]["params"]["x"])
        names = ("circle", "line")
        expected = -100 if record["class"] is None else names.index(record["class"])
        assert Classification(classes=names)(sample).item() == expected
    assert Classification("width")(rich[0]).item() == 48


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Detection(masks=True), "labels=[..., instance_mask]"),
        (Detection(extent="visible"), "labels=[..., boxes]"),
        (Detection(keypoints=1), "keypoints: 1: a line has 2"),
        (Detection(categories=("dot",)), "Detection.categories: a mark is a 'line'; known: dot"),
        (Segmentation(), "labels=[..., semantic_mask]"),
        (Classification(), "has no 'class'; ask for it with labels=[..., image_level]"),
        (Classification("background"), "is not among the classes"),
        (Regression("marks[9].z"), "has no '9'; there are 2, from 0 on"),
        (Regression("marks[0].params.lenth"), "has no 'lenth'; there is x, y, "),
        (Regression("counts.line", missing=0.0), "has no 'counts'; ask for it with labels=[..., "),
        (Regression("width.x"), "has no 'x'; there is 32"),
        (Regression("file_name"), "is not a number"),
        (Captions(), "has no 'caption'"),
    ],
)
def test_targets_name_what_is_missing(target: Any, words: str, tiny: Dataset) -> None:
    with pytest.raises(ConfigError) as caught:
        target(tiny[0])
    assert words in str(caught.value)


@pytest.mark.parametrize("keypoints", [-1, True, 2.0])
def test_key_points_are_a_number_of_them(keypoints: Any) -> None:
    with pytest.raises(ConfigError, match="keypoints: "):
        Detection(keypoints=keypoints)


def test_a_loader_of_samples(rich: Dataset) -> None:
    target = (Detection(masks=True), Segmentation(), Captions(), Regression("index"), index_of)
    loader = DataLoader(Samples(rich, target), batch_size=4, collate_fn=collate)
    images, (boxes, masks, captions, numbers, indices) = next(iter(loader))
    assert images.shape == (4, 3, 36, 48)
    assert images.dtype == torch.uint8
    for k in range(4):
        assert np.array_equal(images[k].permute(1, 2, 0).numpy(), rich[k]["image"])
        assert np.array_equal(masks[k].numpy(), rich[k]["semantic"])
        assert captions[k] == rich[k]["record"]["caption"]
        assert torch.equal(boxes[k]["boxes"], Detection()(rich[k])["boxes"]) or len(boxes[k]) > 5
    assert numbers.tolist() == [[0], [1], [2], [3]]
    assert indices.tolist() == [0, 1, 2, 3]


def test_grey_and_ragged() -> None:
    grey = Dataset.from_config([*TINY, "canvas.mode=grey"], n=3)
    wide = Dataset.from_config([*TINY, "canvas.size=[40,24]"], n=3)
    samples = Samples(grey)[1], Samples(grey)[2]
    images, records = collate(samples)
    assert images.shape == (2, 1, 24, 32)
    assert [record["index"] for record in records] == [1, 2]
    images, _ = collate([Samples(wide)[0], Samples(grey)[0]])
    assert [tuple(image.shape) for image in images] == [(3, 24, 40), (1, 24, 32)]
    _, ragged = collate([(images[0], torch.zeros(2)), (images[0], torch.zeros(3))])
    assert [len(target) for target in ragged] == [2, 3]


def test_arrays_of_numpy_are_stacked_as_tensors_are() -> None:
    image = torch.zeros(3, 4, 4, dtype=torch.uint8)

    def targets(*values: Any) -> Any:
        return collate([(image, value) for value in values])[1]

    stacked = targets(np.array([1.5, 2.5], np.float32), np.array([3.5, 4.5], np.float32))
    assert torch.equal(stacked, torch.tensor([[1.5, 2.5], [3.5, 4.5]]))
    numbers = targets(np.float32(0.5), np.float32(1.5))
    assert torch.equal(numbers, torch.tensor([0.5, 1.5]))
    flags, names = targets((np.bool_(True), np.str_("a")), (np.bool_(False), np.str_("b")))
    assert torch.equal(flags, torch.tensor([True, False]))
    assert names == ["a", "b"]
    ragged = targets(np.zeros(2), np.zeros(3))
    assert [len(target) for target in ragged] == [2, 3]


def test_transforms_see_the_classes_of_torchvision(
    rich: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in: torchvision need not be installed."""
    from synthdata.torch import tv

    made: list[tuple[str, tuple[int, ...], dict[str, Any]]] = []

    def kind(name: str) -> Any:
        def make(tensor: Any, **arguments: Any) -> Any:
            made.append((name, tuple(tensor.shape), arguments))
            return tensor

        return make

    module = types.ModuleType("torchvision.tv_tensors")
    for name in ("Image", "Mask", "BoundingBoxes"):
        setattr(module, name, kind(name))
    package = types.ModuleType("torchvision")
    package.tv_tensors = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.tv_tensors", module)
    tv.tv_tensors.cache_clear()
    try:
        samples = Samples(rich, Detection(masks=True), lambda image, target: (image, {"t": target}))
        _, target = samples[3]
    finally:
        tv.tv_tensors.cache_clear()
    n = len(target["t"]["labels"])
    assert made == [
        ("Image", (3, 36, 48), {}),
        ("BoundingBoxes", (n, 4), {"format": "XYXY", "canvas_size": (36, 48)}),
        ("Mask", (n, 36, 48), {}),
    ]


def test_torchvision_turns_pictures_and_targets_together(rich: Dataset) -> None:
    """Its transforms v2 and its Mask R-CNN take what there is as it is."""
    pytest.importorskip("torchvision")
    from torchvision.models.detection import maskrcnn_resnet50_fpn
    from torchvision.transforms import v2

    target = Detection(masks=True)
    for index in range(5):
        image, there = Samples(rich, target)[index]
        turned, back = Samples(rich, target, v2.RandomHorizontalFlip(1.0))[index]
        assert torch.equal(turned, image.flip(-1))
        assert torch.equal(back["masks"], there["masks"].flip(-1))
        x0, y0, x1, y1 = there["boxes"].unbind(1)
        width = image.shape[-1]
        corners = torch.stack((width - x1, y0, width - x0, y1), dim=1)
        assert torch.allclose(back["boxes"].as_subclass(torch.Tensor), corners)
        assert torch.equal(back["labels"], there["labels"])
    samples = Samples(rich, target, v2.ToDtype(torch.float32, scale=True))
    images, targets = collate([samples[0], samples[1]])
    model = maskrcnn_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=1 + len(target.categories),
        **{"min_size": 64, "max_size": 96},
    )
    losses = model(list(images), targets)
    assert losses
    assert all(loss.isfinite() for loss in losses.values())


def indices(batches: Any, count: int | None = None) -> list[int]:
    return list(chain.from_iterable(t.tolist() for _, t in islice(batches, count)))


def batches(data: Dataset, batch_size: int = 4, order: Order | None = None, **rest: Any) -> Batches:
    return Batches(Samples(data, index_of), batch_size, order or Order(shuffle=3), **rest)


@pytest.mark.parametrize("mode", ["rgb", "grey"])
def test_batches_hold_what_samples_are(mode: str) -> None:
    data = Dataset.from_config([*TINY, f"canvas.mode={mode}"], n=12)
    target = (index_of, Detection())
    plain = Samples(data, target)
    as_they_are = next(iter(Batches(plain, 5, Order(endless=False))))
    through = Samples(data, target, lambda image, target: (image, target))
    for images, (indices_, boxes) in (as_they_are, next(iter(Batches(through, 5)))):
        expected, (wanted, wanted_boxes) = collate([plain[k] for k in range(5)])
        assert torch.equal(images, expected)
        assert images.stride() == expected.stride()
        assert torch.equal(indices_, wanted)
        assert all(
            torch.equal(a["boxes"], b["boxes"]) for a, b in zip(boxes, wanted_boxes, strict=True)
        )


def test_endless_batches(tiny: Dataset) -> None:
    got = indices(batches(tiny), 60)
    assert sorted(got[:100]) == list(range(100))
    assert sorted(got[100:200]) == list(range(100, 200))
    assert [k - 100 for k in got[100:200]] != got[:100]
    again = indices(batches(tiny, order=Order(shuffle=3, fresh=False)), 60)
    assert sorted(again[100:200]) == list(range(100))
    assert indices(batches(tiny, order=Order()), 30) == list(range(120))


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("persistent", [False, True])
def test_epochs(tiny: Dataset, workers: int, persistent: bool) -> None:
    if persistent and not workers:
        pytest.skip("nothing to keep")
    made = batches(tiny[:10], 4, Order(shuffle=1, endless=False))
    loader = DataLoader(made, batch_size=None, num_workers=workers, persistent_workers=persistent)
    for epoch in (0, 1, 2):
        made.set_epoch(epoch)
        got = indices(loader)
        assert sorted(got) == list(range(100 * epoch, 100 * epoch + 10))
        assert got == indices(loader)
    assert indices(batches(tiny[:10], 4, Order(endless=False, drop_last=True))) == list(range(8))


def test_a_state_of_one_process(tiny: Dataset) -> None:
    expected = indices(batches(tiny), 20)
    made = batches(tiny)
    iterator = iter(made)
    assert indices(iterator, 7) == expected[:28]
    state = pickle.loads(pickle.dumps(made.state_dict()))
    assert position(state) == 28
    again = batches(tiny)
    again.load_state_dict(state)
    assert indices(again, 13) == expected[28:]
    again.load_state_dict({"position": 8})
    assert indices(again, 18) == expected[8:]
    assert len(pickle.dumps(batches(tiny))) < 10_000
    epochs = batches(tiny[:10], 4, Order(endless=False))
    assert indices(epochs) == list(range(10))
    _ = iter(epochs)  # of which no batch was taken yet
    assert position(epochs.state_dict()) == 0


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_started_in_any_way(tiny: Dataset, method: str) -> None:
    made = batches(tiny)
    expected = indices(made, 6)
    loader = DataLoader(made, batch_size=None, num_workers=2, multiprocessing_context=method)
    assert indices(loader, 6) == expected


RANK = """
import sys
from itertools import islice

import torch
from test_dataset_torch import TINY, batches
from torch.utils.data import DataLoader

from synthdata import Dataset

rank, folder = int(sys.argv[1]), sys.argv[2]
meeting = f"file://{folder}/meeting"
torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
loader = DataLoader(batches(Dataset.from_config(TINY, n=100)), batch_size=None, num_workers=1)
mine = torch.stack([indices for _, indices in islice(loader, 5)])
found = [torch.empty_like(mine) for _ in range(2)]
torch.distributed.all_gather(found, mine)
torch.save(torch.stack(found, dim=1), f"{folder}/{rank}")
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_ranks_of_a_process_group_divide_each_step(tiny: Dataset, tmp_path: Path) -> None:
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(rank), str(tmp_path)],
            env=environment() | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for rank in range(2)
    ]
    assert [rank.wait(timeout=100) for rank in ranks] == [0, 0]
    for rank in range(2):
        assert torch.load(tmp_path / str(rank)).reshape(-1).tolist() == indices(batches(tiny), 10)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
class TestStatefulDataLoader:
    """A checkpoint taken in mid-epoch with two workers."""

    @pytest.fixture
    def loader(self, tiny: Dataset) -> Any:
        module = pytest.importorskip("torchdata.stateful_dataloader")

        def make(workers: int, made: Batches | None = None, **rest: Any) -> Any:
            made = made or batches(tiny)
            return module.StatefulDataLoader(made, batch_size=None, num_workers=workers, **rest)

        return make

    @pytest.mark.parametrize("persistent", [False, True])
    @pytest.mark.parametrize("taken", [0, 1, 2])
    def test_goes_on_in_a_later_epoch(
        self, loader: Any, tiny: Dataset, taken: int, persistent: bool
    ) -> None:
        """A worker that is kept has the epoch before behind it, and no batch of this one."""
        made = [batches(tiny[:18], 4, Order(endless=False)) for _ in range(2)]
        first, second = (loader(2, each, persistent_workers=persistent) for each in made)
        for epoch in (0, 1):
            made[0].set_epoch(epoch)
            iterator = iter(first)
            got = indices(iterator, taken if epoch else 100)
        state = pickle.loads(pickle.dumps(first.state_dict()))
        assert position(state) == 18 + 4 * taken
        second.load_state_dict(state)
        assert got + indices(second) == list(range(100, 118))

    @pytest.mark.parametrize("taken", [0, 1, 2, 7, 30])
    def test_goes_on_with_two(self, loader: Any, tiny: Dataset, taken: int) -> None:
        expected = indices(batches(tiny), taken + 9)
        first = loader(2)
        assert indices(iter(first), taken) == expected[: 4 * taken]
        state = pickle.loads(pickle.dumps(first.state_dict()))
        assert position(state) == 4 * taken
        second = loader(2)
        second.load_state_dict(state)
        assert indices(second, 4) == expected[4 * taken : 4 * taken + 16]
        third = loader(2)
        third.load_state_dict(second.state_dict())
        assert indices(third, 5) == expected[4 * taken + 16 :]

    @pytest.mark.parametrize("workers", [0, 1, 3])
    @pytest.mark.parametrize("every", [1, 3])
    def test_goes_on_with_another_number(
        self, loader: Any, tiny: Dataset, workers: int, every: int
    ) -> None:
        expected = indices(batches(tiny), 20)
        first = loader(2, snapshot_every_n_steps=every)
        assert indices(iter(first), 8) == expected[:32]
        at = position(first.state_dict())
        assert at == 32
        assert indices(loader(workers, batches(tiny, position=at)), 12) == expected[32:]

    @pytest.mark.parametrize("batch_size", [2, 4])
    def test_goes_on_with_two_ranks_of_two(self, loader, tiny, batch_size) -> None:
        expected = indices(batches(tiny), 20)
        first = loader(2)
        indices(iter(first), 7)
        at = position(first.state_dict())
        ranks = [
            list(islice(loader(2, batches(tiny, batch_size, position=at, rank=r, ranks=2)), 4))
            for r in range(2)
        ]
        got = [k for step in zip(*ranks, strict=True) for _, t in step for k in t.tolist()]
        assert got == expected[28 : 28 + 8 * batch_size]

    def test_goes_on_in_an_epoch(self, loader: Any, tiny: Dataset) -> None:
        by_epoch = Order(shuffle=3, endless=False)
        made = batches(tiny, order=by_epoch)
        made.set_epoch(2)
        expected = indices(made)
        first = loader(2, batches(tiny, order=by_epoch, position=200))
        assert indices(iter(first), 9) == expected[:36]
        at = position(first.state_dict())
        assert indices(loader(3, batches(tiny, order=by_epoch, position=at))) == expected[36:]
        last = loader(2, batches(tiny, order=by_epoch, position=at))
        indices(last)
        assert position(last.state_dict()) == 300

    def test_refuses_a_worker_state_of_others(self, loader: Any, tiny: Dataset) -> None:
        first = loader(2)
        indices(iter(first), 3)
        second = loader(2, batches(tiny, rank=0, ranks=2))
        second.load_state_dict(first.state_dict())
        with pytest.raises(ConfigError, match=r"position=synthdata\.torch\.position"):
            next(iter(second))


def test_a_curriculum_goes_by_the_position() -> None:
    data = Dataset.from_config(
        ["canvas.size=[16,16]", "primitives.lines.count={schedule: [[0, 1], [10, 11]]}"], n=8
    )

    def count(sample: dict[str, Any]) -> int:
        return len(sample["record"]["marks"])

    def counts(**rest: Any) -> list[int]:
        return indices(Batches(Samples(data, count), 2, **rest), 6)

    assert counts() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]
    assert counts(position=6) == [4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9]
    assert counts(step_size=4) == [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]


def test_bad_batches(tiny: Dataset) -> None:
    with pytest.raises(ConfigError, match="batch_size: 0"):
        batches(tiny, 0)
    with pytest.raises(ConfigError, match="there are none"):
        batches(tiny[:0])
    with pytest.raises(ConfigError, match="position: -4"):
        batches(tiny, position=-4)
    with pytest.raises(ConfigError, match="holds no state"):
        position({"_snapshot": {}})
