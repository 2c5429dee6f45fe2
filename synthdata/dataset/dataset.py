"""The data set that needs no disk: a sequence whose items are made when they are asked for."""

from __future__ import annotations

import operator
import pickle
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from synthdata import components
from synthdata.axes.base import Axes
from synthdata.dataset import reading
from synthdata.dataset.source import Made, Source
from synthdata.errors import ConfigError, nearest, shown
from synthdata.sample_config import SampleConfig

if TYPE_CHECKING:
    from synthdata.config import Config

Positions = range | np.ndarray  # int64 (n,)
_KEPT = 8  # views of other steps and counterparts, with their renderers


class Dataset(Sequence[dict[str, Any]]):
    """Samples of a config or of a run, as a sequence of dictionaries.

    ``ds[i]`` has ``image``, uint8 (height, width, 3) or (height, width) on a grey canvas;
    ``record``, what is true of it; and each label image that the config asks for by its name, as
    ``mask`` for ``labels=[instance_mask]``. The arrays are yours. Negative indices count from the
    end, and a slice is a data set of those samples.

    It may be used from any number of threads and from processes started in any way; its pickle
    holds the config and no pixel.

    ``from_config`` and ``from_run`` make one; ``Dataset(source)`` is for sources of your own.
    """

    def __init__(self, source: Source, positions: Positions | None = None) -> None:
        self.source = source
        self.positions = range(source.n) if positions is None else positions
        self._views: OrderedDict[Any, Source] = OrderedDict()

    @classmethod
    def from_config(
        cls,
        config: str | Path | Sequence[str] | Mapping[str, Any] | SampleConfig | Config = (),
        n: int | None = None,
        *,
        config_dir: str | Path | None = None,
        plugins: Sequence[str] = (),
    ) -> Dataset:
        """The samples that a run of this config would write, made when they are asked for.

        Parameters
        ----------
        config
            Overrides as on the command line, ``["primitives=lines", "seed=7"]``; the path of a
            ``config.yaml``; a ``Config``; or a mapping, which is read as a ``config.yaml`` if
            there is a ``_target_`` in it, else as groups and keys:
            ``{"primitives": {"lines": {"count": 3}}, "effects": ["blur"], "seed": 7}``. A
            ``DictConfig`` is a mapping too, also as ``OmegaConf.to_object`` gives it back.
        n
            How many samples; the config's own unless given.
        config_dir
            A folder with config groups of your own.
        plugins
            Modules of yours that the config may name classes of. Those that overrides list are
            trusted, those that a file or a mapping with ``_target_`` lists are not.

        Raises
        ------
        ConfigError
            If anything is wrong with them: one sentence with the key, the value and what would do.
        """
        samples, own = reading.read(config, config_dir, plugins)
        n = own if n is None else n
        if not hasattr(n, "__index__") or isinstance(n, bool):
            raise ConfigError(f"n: {n!r} is not a whole number")
        n = operator.index(n)
        if not 0 <= n < 1 << 62:
            raise ConfigError(f"n: {n} samples are not a data set; it has from 0 to 2**62 - 1")
        return cls(Made(samples, n))

    @classmethod
    def from_run(
        cls,
        path: str | Path,
        *,
        plugins: Sequence[str] = (),
        missing: Literal["raise", "skip"] = "raise",
    ) -> Dataset:
        """The samples of a finished run, read from its folder or its object store.

        They are those of ``from_config(path / "config.yaml")``, with the same keys; of pictures in
        a lossy format what the format has left of them.

        Parameters
        ----------
        path
            The run directory.
        plugins
            Modules of yours that its config may name classes of.
        missing
            With ``raise``, ``ds[i]`` is sample i, and one that failed raises MissingSample. With
            ``skip`` the failed samples are left out: the next ones move up.

        Raises
        ------
        ConfigError
            If there is no run, or shards of it are missing.
        """
        from synthdata.dataset.stored import Stored
        from synthdata.run.run import Run

        if missing not in ("raise", "skip"):
            raise ConfigError(f"missing: {missing!r} is unknown; 'raise' or 'skip' will do")
        return cls(Stored(Run.load(path, plugins), missing))

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, position: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, position: slice) -> Dataset: ...
    def __getitem__(self, position: int | slice) -> dict[str, Any] | Dataset:
        if isinstance(position, slice):
            return Dataset(self.source, self.positions[position])
        return self.source.sample(self.index_of(position))

    def __getitems__(self, positions: Sequence[int]) -> list[dict[str, Any]]:
        """Several samples: what PyTorch asks for a batch with."""
        return [self[position] for position in positions]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[position] for position in range(len(self)))

    @property
    def config(self) -> SampleConfig:
        """What decides the bytes of the samples."""
        return self.source.config

    def index_of(self, position: int) -> int:
        """The number of the sample at a position: its ``record["index"]``.

        Raises IndexError for a position beyond the ends.
        """
        if not hasattr(position, "__index__"):
            raise TypeError(f"sample {position!r}: give a whole number, or a slice")
        try:
            return self.source.index(int(self.positions[operator.index(position)]))
        except IndexError:
            raise IndexError(f"sample {position} of {len(self)}") from None

    def image_into(self, position: int, out: np.ndarray) -> None:
        """Put the image of a sample into ``out``, without making its labels.

        Raises ConfigError unless that is an array of the image's shape that can hold its numbers.
        """
        self.source.image(self.index_of(position), out)

    def sample_into(self, position: int, out: np.ndarray) -> dict[str, Any]:
        """``self[position]``, its image in ``out``, of the image's shape: a place in a batch."""
        return self.source.sample(self.index_of(position), out)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(height, width, 3), or (height, width) on a grey canvas."""
        return self.config.canvas.shape

    def epoch(self, number: int) -> Dataset:
        """As many samples that no other epoch has: epoch 0 is this.

        Epoch e of a data set of n samples, or of any part of it, has those n × e further on, so
        parts that have nothing in common have nothing in common in any epoch.

        Raises ConfigError for a run, which holds no others.
        """
        if number == 0:
            return self
        if number < 0:
            raise ConfigError(f"epoch: {number} must not be negative")
        self.source.check_endless()
        there = self.positions
        shift = number * self.source.n
        moved = (
            range(there.start + shift, there.stop + shift, there.step)
            if isinstance(there, range)
            else there + shift
        )
        view = Dataset(self.source, moved)
        view._views = self._views
        return view

    def sel(self, **values: Any) -> Dataset:
        """The samples with these coordinates: a value, or a list of values, by axis.

        As in ``ds.sel(scale=0.5, shape=["heart", "square"])``. Where the grid comes more than once
        ``repeat`` is the one of its repeats, from 0 on.

        Raises
        ------
        ConfigError
            If the config has no such axis, or a value is not on it.
        """
        grid, indices = self._grid(), self._indices()
        keep = np.ones(len(self), dtype=bool)
        if "repeat" in values and "repeat" not in grid.values:
            repeats = indices // grid.cells
            keep &= np.isin(repeats, _repeats(values.pop("repeat"), repeats))
        places = grid.columns(indices % grid.cells)
        for name, wanted in grid.chosen(values).items():
            keep &= np.isin(places[grid.names.index(name)], list(wanted))
        return Dataset(self.source, np.asarray(self.positions)[keep])

    def groupby(self, *axes: str) -> Iterator[tuple[Any, Dataset]]:
        """The samples by their values on axes: (value, data set) pairs, in the order of the axis.

        Of several axes the value is a tuple. Among them may be ``repeat``, as for ``sel``. Raises
        ConfigError if the config has no such axis.
        """
        grid, indices = self._grid(), self._indices()
        places = dict(zip(grid.names, grid.columns(indices % grid.cells), strict=True))
        values: dict[str, Sequence[Any]] = {n: axis.values for n, axis in grid.values.items()}
        if "repeat" not in values:
            repeats = indices // grid.cells
            places["repeat"], values["repeat"] = repeats, range(int(repeats.max(initial=0)) + 1)
        for name in axes or ("",):
            if name not in values:
                raise ConfigError(f"groupby: {name!r} is not an axis; {nearest(name, values)}")
        columns = np.array([places[name] for name in axes])
        order = np.lexsort(columns[::-1])
        edges = np.flatnonzero((np.diff(columns[:, order], axis=1) != 0).any(axis=0)) + 1
        for members in np.split(order, edges) if len(self) else ():
            at = zip(axes, columns[:, members[0]].tolist(), strict=True)
            key = tuple(values[name][place] for name, place in at)
            chosen = np.asarray(self.positions)[np.sort(members)]
            yield key if len(axes) > 1 else key[0], Dataset(self.source, chosen)

    def _grid(self) -> Axes:
        if self.config.axes is None:
            raise ConfigError("axes: this data set has none; it is no grid")
        return self.config.axes

    def _indices(self) -> np.ndarray:
        """The numbers of the samples: int64 (n,)."""
        positions = np.asarray(self.positions).tolist()
        return np.array([self.source.index(k) for k in positions], dtype=np.int64)

    def at(self, step: int) -> Dataset:
        """The same samples at a step of the config's schedules; this at step 0, or without any.

        ``ds.at(step)[i]`` is a pure function of (config, seed, i, step).
        """
        if not self.config.is_scheduled:
            return self
        return self._view(("at", step), lambda: self.source.at(step))

    def counterpart(
        self, *overrides: str, stream: str = "", variant: int = 1, **groups: str
    ) -> Dataset:
        """The same samples but for some keys or one random stream, made as asked for.

        Parameters
        ----------
        overrides
            Keys and groups, as on the command line: ``"effects=[blur]"``, ``"canvas.dpi=96"``.
            Options that are there already keep their keys.
        stream
            The stream that is drawn anew: ``background``, ``geometry``, ``style``, ``layout``,
            ``effects`` or ``labels``, or one of them for one component, as in ``style/lines``.
        variant
            Which other draw of the stream, from 1 on.
        groups
            Groups by name: ``effects="blur"``.

        Raises
        ------
        ConfigError
            If an override cannot be applied, or nothing is drawn from such a stream.
        """
        changes = (*overrides, *(f"{name}={value}" for name, value in groups.items()))
        if variant < 1:
            raise ConfigError(f"variant: {variant} must be at least 1; 0 is the sample itself")

        def make() -> Source:
            config = self.config
            if changes:
                from synthdata.compose import changed

                node = changed(components.describe(config), changes)
                config = SampleConfig.from_mapping(node, list(config.foreign))
            return Made(config, self.source.n, stream, variant if stream else 0, self.source)

        return self._view(("counterpart", changes, stream, variant), make)

    def pair(
        self, position: int, *overrides: str, stream: str = "", variant: int = 1, **groups: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """A sample and its ``counterpart``, which has the same arguments."""
        twin = self.counterpart(*overrides, stream=stream, variant=variant, **groups)
        index = self.index_of(position)
        return self.source.sample(index), twin.source.sample(index)

    def _view(self, key: Any, make: Callable[[], Source]) -> Dataset:
        source = self._views.pop(key, None) or make()
        if source is self.source:
            return self
        self._views[key] = source
        while len(self._views) > _KEPT:
            self._views.popitem(last=False)
        return Dataset(source, self.positions)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, (zlib.compress(pickle.dumps((self.source, self.positions))),)

    def __repr__(self) -> str:
        width, height = self.config.canvas.size
        what = ", ".join(self.config.primitives)
        kind = type(self.source).__name__.lower()
        return f"<Dataset of {len(self)} samples, {kind}: {what}, {width}x{height}>"


def _repeats(wanted: Any, there: np.ndarray) -> list[int]:
    """The repeats that ``sel`` asks for; ConfigError if there is no sample of one."""
    listed = list(wanted) if isinstance(wanted, list | tuple) else [wanted]
    known = np.unique(there).tolist()
    for one in listed or [wanted]:
        if isinstance(one, bool) or not isinstance(one, int | np.integer) or one not in known:
            found = f"{known[0]} to {known[-1]}" if known else "none"
            raise ConfigError(f"repeat: {shown(one)} has no samples here; those that have: {found}")
    return listed


def _unpacked(packed: bytes) -> Dataset:
    return Dataset(*pickle.loads(zlib.decompress(packed)))  # noqa: S301  # as its pickle was
