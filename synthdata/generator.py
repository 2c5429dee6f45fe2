"""Sample i as a pure function of (config, seed, i): the whole pipeline on one screen."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import operator
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np

from synthdata import pixels
from synthdata.axes.base import Axes, Places
from synthdata.axes.coordinate import GridStreams, Here, bound
from synthdata.distributions import Palette
from synthdata.effects.base import Change
from synthdata.encoders.png import Png
from synthdata.labels.base import Truth
from synthdata.labels.marks import annotated
from synthdata.labels.together import Groups
from synthdata.primitives.ahead import Ahead, Annotate
from synthdata.replies import Answers, Question
from synthdata.rng import Streams
from synthdata.sample_config import SampleConfig
from synthdata.scene import Color, Mark, Scene

P = ParamSpec("P")
T = TypeVar("T")


def usual_errors() -> np.errstate:
    """NumPy's own error state, for a block."""
    return np.errstate(divide="warn", over="warn", invalid="warn", under="ignore")


def _usual(method: Callable[P, T]) -> Callable[P, T]:
    """A method under NumPy's own error state, whatever the caller's is."""

    @functools.wraps(method)
    def called(*args: P.args, **named: P.kwargs) -> T:
        with usual_errors():  # as a decorator it would belong to one thread, up to NumPy 1
            return method(*args, **named)

    return called


class Sample(NamedTuple):
    """One sample.

    Attributes
    ----------
    image
        uint8 (height, width, 3), or (height, width) on a grey canvas.
    record
        What is true of it, ready for JSON; ``file_name`` first.
    scene
        What was drawn, before effects.
    masks
        Label images by name, integer (height, width).
    """

    image: np.ndarray
    record: dict[str, Any]
    scene: Scene
    masks: Mapping[str, np.ndarray]


class Picture(NamedTuple):
    """A sample before its labels.

    Attributes
    ----------
    drawn
        The pixels of the scene, before effects.
    image
        Those of the sample.
    changes
        What each effect did.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    scene: Scene
    drawn: np.ndarray
    image: np.ndarray
    changes: Mapping[str, Change]


class Generator:
    """All samples of a config: ``Generator(config)[i]``.

    It owns a renderer and random generators, so it belongs to one process and one thread.
    ``redrawn`` and ``variant`` are those of ``Streams``: the same samples but for one stream.
    ``answers`` are those of models to ``questions``, for labels that ask; whoever makes samples of
    such labels sets them. With ``ahead`` marks of samples to come may be drawn along with those of
    one, which then takes longer.
    """

    @_usual
    def __init__(self, config: SampleConfig, redrawn: str = "", variant: int = 0) -> None:
        self.config = config
        self.answers = Answers()
        self.ahead = True
        self._again = redrawn, variant
        self._variants: dict[Places, Generator] = {}
        self._here: Here | None = None
        if config.axes is None:
            self._streams = Streams(config.seed, redrawn, variant)
        else:
            self._streams = GridStreams(config.axes, config.seed, redrawn, variant)
            self._here = Here(config.axes)
            # Without what it binds to keys: that is in the configs of the variants.
            free = dataclasses.replace(config, axes=config.axes.unbound())
            config = bound(free, config.axes, self._here)
        self._bound = config
        self._surface = config.renderer.open(*config.canvas.size)
        is_rgb = config.canvas.mode == "rgb"
        self._is_plain = is_rgb and not config.effects
        self._draw = self._surface.draw if is_rgb else self._surface.lend  # made to grey at once
        self._mask_encoder = Png()
        # Where what is drawn stays as it is, what is true of it is so of the finished picture.
        stays = not (config.layout.moves or config.style.draws)
        self._annotate = annotated if stays and config.labels else None
        self._groups = Groups()
        self._draws_all = stays and len(config.primitives) == 1
        self._primitives = [
            Ahead(primitive, name, self._streams, self._here)
            for name, primitive in config.primitives.items()
        ]
        background = config.canvas.background
        self._background: Color | None = None
        if isinstance(background, Palette) and len(background.colors) == 1:
            self._background = background.colors[0]

    @classmethod
    def from_config(
        cls,
        overrides: Sequence[str] = (),
        *,
        config_dir: str | Path | None = None,
        plugins: Sequence[str] = (),
    ) -> Generator:
        """From Hydra overrides, as on the command line: ``["primitives=lines", "seed=7"]``.

        ``config_dir`` is a folder with config groups of your own, ``plugins`` the modules that
        the config may name classes of, besides those it lists.
        """
        from synthdata.compose import compose, listed
        from synthdata.vocabularies import settled

        node = settled(compose(overrides, config_dir, SampleConfig.typed))
        return cls(SampleConfig.from_mapping(node, [*plugins, *listed(node)]))

    @_usual
    def __getitem__(self, index: int) -> Sample:
        """Sample ``index``, any whole number from 0 on."""
        index = operator.index(index)  # NumPy's are no numbers of JSON
        own = self._of(index)
        scene = own._scene(index, own._annotate)
        return own._sample(index, scene, own._draw(scene))

    def lent(self, index: int) -> Sample:
        """As ``self[index]``, but its image is good only until the next sample is made.

        For who encodes it at once, under ``usual_errors``: the pixels stay where they were drawn.
        """
        return self.labelled(self.picture(index))

    def picture(self, index: int) -> Picture:
        """The first half of ``lent``; the second one is ``labelled``."""
        own = self._of(index)
        scene = own._scene(index, own._annotate)
        return own._picture(index, scene, own._surface.lend(scene))

    def labelled(self, picture: Picture) -> Sample:
        """The sample of a picture: with its record and its label images."""
        return self._of(picture.index)._labelled(picture)

    def truth(self, picture: Picture) -> Truth:
        """What the labels of a picture are made from."""
        return self._of(picture.index)._truth(picture)

    @_usual
    def into(self, index: int, out: np.ndarray) -> Sample:
        """As ``self[index]``, its image in ``out``; ConfigError unless that is of its shape."""
        index = operator.index(index)
        own = self._of(index)
        pixels.check_room(out, own.config.canvas.shape)
        scene = own._scene(index, own._annotate)
        if own._is_plain:
            own._surface.draw_into(scene, out)
            return own._sample(index, scene, out)
        sample = own._sample(index, scene, own._surface.lend(scene))
        np.copyto(out, sample.image)
        return sample._replace(image=out)

    def _sample(self, index: int, scene: Scene, drawn: np.ndarray) -> Sample:
        return self._labelled(self._picture(index, scene, drawn))

    def _picture(self, index: int, scene: Scene, drawn: np.ndarray) -> Picture:
        return Picture(index, scene, drawn, *self._changed(index, scene, drawn))

    def _labelled(self, picture: Picture) -> Sample:
        index, scene, _, image, changes = picture
        grid = self.config.axes
        truth = self._truth(picture)
        if truth.moves:  # as it will be with the next ones
            self._annotate = None
        record = {
            "file_name": truth.file_name,
            "index": index,
            "seed": self.config.seed,
            "width": scene.width,
            "height": scene.height,
            "background": "#%02x%02x%02x" % scene.background,
        }
        if grid is not None:
            record |= _coordinates(grid, index)
        if changes:
            record["effects"] = {name: dict(change.params) for name, change in changes.items()}
        masks: dict[str, np.ndarray] = {}
        for label in self._bound.labels.values():
            record.update(label.fields(truth))
            masks.update(label.images(truth))
        stem = truth.file_name.removesuffix(self.config.encoder.suffix)
        for name in masks:
            record[f"{name}_file_name"] = f"{stem}.{name}.png"
        return Sample(image, record, scene, masks)

    def _truth(self, picture: Picture) -> Truth:
        index, scene, drawn, _, changes = picture
        stream = functools.partial(self._streams.get, index)
        grid = self.config.axes
        stem = f"{index:09d}" if grid is None or grid.name is None else grid.stem(index)
        file_name = f"{stem}{self.config.encoder.suffix}"
        # What one primitive drew, and nothing moved since, is all of a scene.
        batch = self._primitives[0].batch if self._draws_all else None
        group = batch and functools.partial(self._groups.find, index, scene, batch)
        return Truth(scene, tuple(changes.values()), stream, file_name, drawn, self.answers, group)

    @_usual
    def image(self, index: int, out: np.ndarray | None = None) -> np.ndarray:
        """``self[index].image``, in ``out`` if that is given, without the labels."""
        own = self._of(index)
        if out is not None:
            pixels.check_room(out, own.config.canvas.shape)
        scene = own._scene(index)
        if out is None:
            return own._changed(index, scene, own._draw(scene))[0]
        if own._is_plain:
            own._surface.draw_into(scene, out)
        else:
            np.copyto(out, own._changed(index, scene, own._surface.lend(scene))[0])
        return out

    @_usual
    def scene(self, index: int) -> Scene:
        """The scene of sample ``index``: what is in the picture, before a pixel is drawn."""
        return self._of(index)._scene(index)

    def drew_ahead(self, index: int) -> bool:
        """Whether others were drawn along with sample ``index``, the last one that was made."""
        own = self._of(index)
        starts = [primitive.start for primitive in own._primitives]
        return index in (own._groups.start, *starts)

    @_usual
    def questions(self, index: int) -> list[Question]:
        """What the labels of sample ``index`` ask models."""
        own = self._of(index)
        scene = own._scene(index)
        changes = [own._change(index, name, scene) for name in own._bound.effects]
        truth = Truth(scene, changes, functools.partial(own._streams.get, index))
        return [q for label in own._bound.labels.values() for q in label.questions(truth)]

    def _change(self, index: int, effect: str, scene: Scene) -> Change:
        """What an effect does to sample ``index``."""
        rng = self._streams.get(index, f"effects/{effect}")
        return self._bound.effects[effect].prepare(rng, scene.width, scene.height)

    def _changed(
        self, index: int, scene: Scene, image: np.ndarray
    ) -> tuple[np.ndarray, dict[str, Change]]:
        """The pixels of a scene after all effects, and what these were."""
        changes = {}
        for name in self._bound.effects:
            changes[name] = change = self._change(index, name, scene)
            image = change.pixels(image)
        mode = self.config.canvas.mode
        if mode != "rgb":
            # Of what is drawn in greys each channel is the luma, to the last bit.
            plain = not changes and scene.is_grey
            image = pixels.first_channel(image) if plain else pixels.grey_array(image)
        return pixels.binary_array(image) if mode == "binary" else image, changes

    def _scene(self, index: int, annotate: Annotate | None = None) -> Scene:
        width, height = self.config.canvas.size
        get = self._streams.get
        if self._here is not None:
            self._here.at(index)
        background = self._background
        if background is None:
            colors = self._bound.canvas.background.sample(get(index, "background"), 1)
            background = tuple(colors[0].tolist())
        marks: Sequence[Mark] = []
        for primitive in self._primitives:
            if self.ahead:
                drawn = primitive.marks(index, width, height, background, annotate)
            else:
                drawn = primitive.alone(index, width, height, background)
            marks = [*marks, *drawn] if marks else drawn
        if self._bound.layout.moves:
            marks = self._bound.layout.arrange(marks, get(index, "layout"), width, height)
        if self._bound.style.draws:
            marks = self._bound.style.draw(marks, get(index, "drawing"), background)
        return Scene(width, height, background, tuple(marks))

    def encode(self, sample: Sample) -> tuple[dict[str, Any], dict[str, bytes]]:
        """The sample as a run writes it: its record with hashes, and its files by name."""
        config = self._of(sample.record["index"]).config
        dpi = config.canvas.dpi
        record = sample.record.copy()
        data = config.encoder.encode(sample.image, dpi)
        record["sha256"] = hashlib.sha256(data).hexdigest()
        files = {record["file_name"]: data}
        for name, mask in sample.masks.items():
            data = self._mask_encoder.encode(mask, dpi)
            record[f"{name}_sha256"] = hashlib.sha256(data).hexdigest()
            files[record[f"{name}_file_name"]] = data
        return record, files

    def _of(self, index: int) -> Generator:
        """Who makes a sample: this, or the one of the config that its coordinates bind.

        Raises IndexError for what is no sample's number.
        """
        if not 0 <= index < 1 << 63:
            raise IndexError(f"sample index {index} is not between 0 and 2**63 - 1")
        if not self.config.variants:
            return self
        grid = self.config.axes
        assert grid is not None
        where = dict(zip(grid.names, grid.at(index), strict=True))
        places = tuple(where[name] for name in grid.bind)
        if places not in self._variants:
            self._variants[places] = Generator(self.config.variants[places], *self._again)
        found = self._variants[places]
        found.answers, found.ahead = self.answers, self.ahead
        return found

    def __repr__(self) -> str:
        return f"Generator({self.config!r})"


def _coordinates(grid: Axes, index: int) -> dict[str, Any]:
    """What the record says of a sample's place in a grid."""
    node: dict[str, Any] = {"axes": grid.coordinates(index)}
    if index >= grid.cells:
        node["repeat"] = index // grid.cells
    if (first := grid.alias(index)) is not None:
        node["alias_of"] = first
    return node
