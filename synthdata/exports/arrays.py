"""All pictures of a run as one array: NumPy's npz, dSprites', HDF5 and Zarr."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from synthdata.axes.base import Axes, Axis
from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.exports.base import Format
from synthdata.exports.source import Source, Survey

CHUNK = 1 << 16  # bytes of small pictures that HDF5 packs together


@dataclass(frozen=True, kw_only=True)
class Npz(Format):
    """``images`` (n, height, width[, 3]), one such array for each label image, ``index`` (n,).

    With more than one split also ``split`` (n,), their names; with the label ``image_level``,
    ``class`` (n,), empty for mixed pictures; of a grid ``latents_classes`` and ``latents_values``
    (n, axes): where a sample stands on each axis, from 0 on, and the number there, or for an axis
    of other values the place from 1 on. ``metadata.jsonl`` has the records as they were written:
    ``numpy.load`` gives its bytes.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".npz",)

    compress: bool = False

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        kind = zipfile.ZIP_DEFLATED if self.compress else zipfile.ZIP_STORED
        with zipfile.ZipFile(target, "w", kind) as file:
            for name, column in self.columns(source, survey).items():
                with _entry(file, f"{name}.npy", kind) as stream:
                    head = np.lib.format.header_data_from_array_1_0(np.empty((), column.dtype))
                    shape = (column.length or survey.n, *column.shape)
                    np.lib.format.write_array_header_1_0(stream, head | {"shape": shape})
                    for row in column.rows:
                        stream.write(np.ascontiguousarray(row, column.dtype).tobytes())
            with _entry(file, "metadata.jsonl", kind) as stream:
                for item in source:
                    stream.write(item.line)

    def columns(self, source: Source, survey: Survey) -> dict[str, Column]:
        """The arrays by name."""
        return _columns(source, survey)


@dataclass(frozen=True, kw_only=True)
class Dsprites(Npz):
    """A grid as the published dSprites has it: binary ``imgs`` (n, height, width), 0 or 1.

    ``latents_classes`` and ``latents_values`` (n, axes) are as in ``Npz``; ``latents_names`` and
    ``latents_sizes`` (axes,) say what is in the published file's pickled ``metadata``, which no
    reader has to trust.
    """

    def check(self, config: Config) -> None:
        if config.axes is None or config.canvas.mode != "binary":
            raise ConfigError("export: dsprites needs axes and canvas.mode=binary; npz takes any")

    def columns(self, source: Source, survey: Survey) -> dict[str, Column]:
        grid = source.run.config.axes
        assert grid is not None
        pictures = _columns(source, survey)["images"]
        names, lengths = list(grid.names), [len(axis) for axis in grid.values.values()]
        rows = (np.asarray(row) > 127 for row in pictures.rows)
        return {
            "imgs": Column(np.dtype(np.uint8), pictures.shape, rows),
            **_latents(source, grid),
            "latents_names": Column(_text(names), (), names, len(names)),
            "latents_sizes": Column(np.dtype("<i8"), (), lengths, len(names)),
        }


@dataclass(frozen=True, kw_only=True)
class Hdf5(Format):
    """The arrays of ``Npz``, and ``record``, the records as JSON.

    With ``compression`` pictures are packed in chunks of some 64 KiB, one at least.
    """

    suffixes: ClassVar[tuple[str, ...]] = (".h5", ".hdf5")

    compression: Literal["none", "gzip", "lzf"] = "none"

    def check(self, config: Config) -> None:
        _h5py()

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        h5py = _h5py()
        text = h5py.string_dtype()
        packing = None if self.compression == "none" else self.compression
        with h5py.File(target, "w") as file:
            for name, column in _columns(source, survey).items():
                kind = text if column.dtype.kind == "U" else column.dtype
                options: dict[str, Any] = {}
                if packing and column.shape:
                    rows = max(1, CHUNK // int(np.prod(column.shape)))
                    options = {
                        "chunks": (min(rows, survey.n), *column.shape),
                        "compression": packing,
                    }
                data = file.create_dataset(name, (survey.n, *column.shape), kind, **options)
                _fill(data, column.rows)
            lines = (item.line.decode().rstrip("\n") for item in source)
            _fill(file.create_dataset("record", (survey.n,), text), lines)


@dataclass(frozen=True, kw_only=True)
class Zarr(Format):
    """The arrays of ``Npz`` as a Zarr group, a folder.

    Pictures are in chunks of some 64 KiB, one at least. ``split`` and ``class`` are numbers: places
    in the attribute ``names``. ``metadata.jsonl`` has the records as they were written.
    """

    compress: bool = True

    def check(self, config: Config) -> None:
        _zarr()

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        zarr = _zarr()
        group = zarr.create_group(store=str(target))
        for name, column in _columns(source, survey).items():
            names: tuple[str, ...] = ()
            dtype, rows = column.dtype, column.rows
            if dtype.kind == "U":
                names = source.splits.names if name == "split" else _classes(source)
                dtype, rows = np.dtype("<i2"), map(names.index, column.rows)
            per_chunk = max(1, CHUNK // max(1, int(np.prod(column.shape)) * dtype.itemsize))
            per_chunk = min(per_chunk, survey.n)
            data = group.create_array(
                name,
                shape=(survey.n, *column.shape),
                dtype=dtype,
                chunks=(per_chunk, *column.shape),
                compressors="auto" if self.compress else None,
                attributes={"names": list(names)} if names else {},
            )
            _fill(data, rows, per_chunk)
        with open(target / "metadata.jsonl", "wb") as file:
            for item in source:
                file.write(item.line)


@dataclass(frozen=True)
class Column:
    """An array to be: the type and shape of one row, all rows, and how many if not one a sample."""

    dtype: np.dtype
    shape: tuple[int, ...]
    rows: Iterable[Any]
    length: int | None = None


def _columns(source: Source, survey: Survey) -> dict[str, Column]:
    columns = {}
    for key, name in {"images": "", **{name: name for name in source.label_images}}.items():
        first = source.pixels(next(iter(source)), name)
        dtype = _mask_type(source, name) if name else first.dtype
        columns[key] = Column(dtype, first.shape, _pixels(source, name, first.shape))
    integers = np.dtype("<i8")
    columns["index"] = Column(integers, (), (item.record["index"] for item in source))
    if len(source.splits.names) > 1:
        names = source.splits.names
        columns["split"] = Column(_text(names), (), (item.split for item in source))
    if "class" in survey.columns:
        classes = (item.record.get("class") or "" for item in source)
        columns["class"] = Column(_text((*survey.categories, *_classes(source))), (), classes)
    if (grid := source.run.config.axes) is not None:
        columns |= _latents(source, grid)
    return columns


def _latents(source: Source, grid: Axes) -> dict[str, Column]:
    """A grid's samples as dSprites lays them out (Matthey et al., 2017)."""
    tables = [latent_values(axis) for axis in grid.values.values()]
    places = (grid.at(item.record["index"]) for item in source)
    values = (
        np.array([table[place] for table, place in zip(tables, at, strict=True)])
        for at in (grid.at(item.record["index"]) for item in source)
    )
    shape = (len(tables),)
    return {
        "latents_classes": Column(np.dtype("<i8"), shape, map(np.array, places)),
        "latents_values": Column(np.dtype("<f8"), shape, values),
    }


def latent_values(axis: Axis) -> list[float]:
    """A number for each place on an axis: its value, or for other values the place from 1 on."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in axis.values)
    return [float(value) if numbers else place + 1.0 for place, value in enumerate(axis.values)]


def _classes(source: Source) -> tuple[str, ...]:
    return tuple(sorted({str(item.record.get("class") or "") for item in source}))


def _pixels(source: Source, name: str, shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    for item in source:
        array = source.pixels(item, name)
        if array.shape != shape:
            raise ConfigError(
                f"sample {item.record['index']}: is {array.shape} where the first is {shape}; "
                "arrays need pictures of one size"
            )
        yield array


def _mask_type(source: Source, name: str) -> np.dtype:
    """The widest of a label image: one picture may need 16 bits where others do with 8."""
    found = {source.pixels(item, name).dtype for item in source}
    return np.dtype("<u2") if found - {np.dtype(np.uint8)} else np.dtype(np.uint8)


def _text(names: Iterable[str]) -> np.dtype:
    return np.dtype(f"<U{max(1, *map(len, names))}")


@contextmanager
def _entry(file: zipfile.ZipFile, name: str, kind: int) -> Iterator[Any]:
    info = zipfile.ZipInfo(name)  # whose time is fixed
    info.compress_type = kind
    with file.open(info, "w", force_zip64=True) as raw, io.BufferedWriter(raw, 1 << 20) as stream:
        yield stream


def _fill(data: Any, rows: Iterable[Any], chunk: int = 1) -> None:
    """Write rows in batches of whole chunks: each write costs a tenth of a millisecond or more."""
    todo, done = iter(rows), 0
    size = max(1, min(100, (1 << 22) // max(1, int(np.prod(data.shape[1:])))))
    size = -(-size // chunk) * chunk
    while batch := list(islice(todo, size)):
        data[done : done + len(batch)] = np.array(batch) if chunk > 1 else batch
        done += len(batch)


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise ConfigError('export: hdf5 needs h5py; pip install "synthdata[hdf5]"') from None
    return h5py


def _zarr() -> Any:
    try:
        import zarr
    except ImportError:
        raise ConfigError('export: zarr needs zarr; pip install "synthdata[zarr]"') from None
    return zarr
