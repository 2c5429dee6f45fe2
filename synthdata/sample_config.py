"""What decides a sample: all of a config that reaches its bytes, and nothing else."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from synthdata import components, schedules, schema
from synthdata._version import __version__
from synthdata.axes.base import Axes, Places
from synthdata.axes.coordinate import Here, bound, check_unbound
from synthdata.axes.regions import Keys
from synthdata.distributions import ColorDistribution, Palette
from synthdata.effects.base import Effect
from synthdata.encoders.base import Encoder
from synthdata.encoders.png import Png
from synthdata.errors import ConfigError, nearest
from synthdata.labels.base import Label
from synthdata.layouts.base import Layout
from synthdata.primitives.base import Primitive
from synthdata.renderers.base import Renderer
from synthdata.styles.base import DrawingStyle
from synthdata.styles.exact import Exact

MAX_SIDE = 16_384
N = 1000  # samples where nothing says how many
KEYS = ("file_name", "index", "seed", "width", "height", "background", "sha256")  # of any record
#: The lists of marks in a record, each with ``params``.
MARKS = ("marks", "clean_marks")
VARIANTS = 64  # combinations of what a grid binds, at most: each has a renderer of its own


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """The picture's size (width, height) in pixels, background, colour mode and resolution tag."""

    size: tuple[int, int] = (512, 512)
    background: ColorDistribution = Palette(("white",))
    mode: Literal["rgb", "grey", "binary"] = "rgb"
    dpi: float = 72.0

    def __post_init__(self) -> None:
        for side in self.size:
            if not 1 <= side <= MAX_SIDE:
                raise ConfigError(
                    f"size: {list(self.size)} is not a canvas; "
                    f"each side must be 1 to {MAX_SIDE} pixels"
                )
        if not 1 <= self.dpi <= 65_535:
            raise ConfigError(f"dpi: {self.dpi} must lie between 1 and 65535")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of images: (height, width, 3), or (height, width) where they are not in colour."""
        width, height = self.size
        return (height, width, 3) if self.mode == "rgb" else (height, width)


# Only the components that a config names are imported, these among them.
def _default_primitives() -> dict[str, Primitive]:
    from synthdata.primitives.lines import Lines

    return {"lines": Lines()}


def _default_layout() -> Layout:
    from synthdata.layouts.free import Free

    return Free()


def _default_labels() -> dict[str, Label]:
    from synthdata.labels.marks import Marks

    return {"marks": Marks()}


def _default_renderer() -> Renderer:
    from synthdata.renderers.agg import Agg

    return Agg()


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """Everything that decides a sample's bytes, and nothing else."""

    seed: int = 0
    canvas: Canvas = Canvas()
    primitives: Mapping[str, Primitive] = field(default_factory=_default_primitives)
    layout: Layout = field(default_factory=_default_layout)
    style: DrawingStyle = Exact()
    effects: Mapping[str, Effect] = field(default_factory=dict)
    labels: Mapping[str, Label] = field(default_factory=_default_labels)
    renderer: Renderer = field(default_factory=_default_renderer)
    encoder: Encoder = Png()
    axes: Axes | None = None

    def __post_init__(self) -> None:
        for name, hint in components.hints_of(type(self)).items():
            object.__setattr__(self, name, components.as_read(getattr(self, name), hint))
        if not 0 <= self.seed < 1 << 63:
            raise ConfigError(f"seed: {self.seed} must lie between 0 and 2**63 - 1")
        if not self.primitives:
            raise ConfigError(
                "primitives: [] draws nothing; choose at least one, as in primitives=lines"
            )
        if self.layout.moves:
            for name, primitive in self.primitives.items():
                if primitive.composed:
                    kind = type(self.layout).__name__
                    raise ConfigError(
                        f"layout: {kind} moves marks one by one, and those of primitives.{name} "
                        "belong together; use layout=free"
                    )
        for name, primitive in self.primitives.items():
            try:
                primitive.check(*self.canvas.size)
            except ConfigError as error:
                raise error.at(f"primitives.{name}") from None
        for name, label in self.labels.items():
            try:
                label.check(self.primitives)
            except ConfigError as error:
                raise error.at(f"labels.{name}") from None
        parts = {f.name: getattr(self, f.name) for f in dataclasses.fields(SampleConfig)}
        if self.axes is None:
            check_unbound(parts)
        else:
            bound(parts, self.axes, Here(self.axes))
            _ = self.variants  # refused here and not when a sample asks for one

    @classmethod
    def from_mapping(cls, node: Mapping[str, Any], plugins: Sequence[str] = ()) -> SampleConfig:
        """From a composed config; keys that decide no bytes are left aside."""
        names = {f.name for f in dataclasses.fields(SampleConfig)}
        given = {k: v for k, v in node.items() if k in names}
        return components.make(cls, without_filter(given), "", plugins)

    @classmethod
    def typed(cls, composed: Any) -> Any:
        """A composed ``DictConfig`` with the types of these fields, for ``compose``."""
        return schema.typed(cls, composed)

    @property
    def size(self) -> int:
        """How many samples there are where nothing says how many: those of the grid."""
        return N if self.axes is None else len(self.axes)

    def at(self, step: int) -> SampleConfig:
        """The config of one step of a curriculum: its schedules as they are there.

        A config without schedules is that of every step; one with schedules, drawn from as it is,
        is that of step 0.
        """
        if step < 0:
            raise ConfigError(f"step: {step} must not be negative")
        return schedules.at(self, step) if self.is_scheduled else self

    @property
    def label_images(self) -> tuple[str, ...]:
        """The names of the label images of each sample."""
        return tuple(name for label in self.labels.values() for name in label.names)

    @functools.cached_property
    def record_keys(self) -> Keys | None:
        """All keys that records may have; None if labels of others' may add what nobody knows."""
        axes = {} if self.axes is None else dict.fromkeys(self.axes.names)
        effects: dict[str, None] = {}
        keys: dict[str, Keys | None] = dict.fromkeys(KEYS)
        for config in (self, *self.variants.values()):
            effects |= dict.fromkeys(config.effects)
            for label in config.labels.values():
                if label.record_keys is None:
                    return None
                for key, there in label.record_keys.items():
                    keys[key] = dict.fromkeys(there) if there else None
        if effects:
            keys["effects"] = effects
        for name in MARKS:
            if of_marks := keys.get(name):
                keys[name] = {**of_marks, "params": self._params}
        return keys | {"axes": axes, "repeat": None, "alias_of": None} if axes else keys

    @property
    def _params(self) -> Keys | None:
        """All keys that the ``params`` of marks may have; None if others may add to them."""
        found: set[str] = set()
        for config in (self, *self.variants.values()):
            drawn = [each for p in config.primitives.values() for each, _ in p.kinds()]
            of_style = vars(type(config.style)).get("PARAMS")
            for params in (of_style, *(each.params for each in drawn)):
                if params is None:
                    return None
                found |= {*params}
        return dict.fromkeys(sorted(found))

    @functools.cached_property
    def asks(self) -> bool:
        """Whether a label asks models, so that a sample is a function of their replies too."""
        asked = any(label.asks for label in self.labels.values())
        return asked or any(config.asks for config in self.variants.values())

    @functools.cached_property
    def is_scheduled(self) -> bool:
        """Whether there is a schedule in it."""
        return schedules.at(self, 0) is not self

    @functools.cached_property
    def variants(self) -> Mapping[Places, SampleConfig]:
        """The configs of a grid that binds keys to axes, by places on these; empty for others."""
        if self.axes is None or not self.axes.bind:
            return {}
        lengths = [len(self.axes.values[name]) for name in self.axes.bind]
        if (count := math.prod(lengths)) > VARIANTS:
            raise ConfigError(
                f"axes.bind: {count} combinations of values are too many; {VARIANTS} will do"
            )
        every = itertools.product(*map(range, lengths))
        return {places: self._variant(places) for places in every}

    def _variant(self, places: Places) -> SampleConfig:
        from synthdata import compose

        assert self.axes is not None
        node = components.describe(dataclasses.replace(self, axes=self.axes.unbound()))
        del node["_target_"]
        known = [key for key in node if key not in ("axes", "seed")]
        for (name, key), place in zip(self.axes.bind.items(), places, strict=True):
            value = self.axes.values[name].values[place]
            if key.partition(".")[0] not in known:
                raise ConfigError(f"axes.bind.{name}: {key!r} is no key; {nearest(key, known)}")
            try:
                node = compose.assigned(node, key, components.describe_value(value))
            except ConfigError as error:
                raise error.at(f"axes.bind.{name}") from None
        plugins = list(components.foreign_code(node))
        return SampleConfig.from_mapping(node, plugins)

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of all that decides a sample's bytes: these fields, and the code behind them.

        For synthdata's own code its version stands; for plugins, fonts and word lists the contents
        of their files, wherever these lie.
        """
        node = components.describe(self)
        node = {f.name: node[f.name] for f in dataclasses.fields(SampleConfig)}
        behind = {"plugins": self.foreign, "files": self._contents()}
        # Not sorted: the order of primitives and of effects decides pixels.
        text = json.dumps({"version": __version__, **behind, "config": node})
        return hashlib.sha256(text.encode()).hexdigest()

    @functools.cached_property
    def foreign(self) -> Mapping[str, str]:
        """The modules outside synthdata whose classes it has, each with its file's SHA-256."""
        return components.foreign_code(components.describe(self))

    def _contents(self) -> list[str]:
        """The hashes of the files that primitives draw from; ConfigError if one is not there."""
        found = []
        for name, primitive in self.primitives.items():
            for path in primitive.files():
                try:
                    found.append(hashlib.sha256(path.read_bytes()).hexdigest())
                except OSError as error:
                    raise ConfigError(f"primitives.{name}: {path}: {error.strerror}") from error
        return found


def without_filter(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A composed config without what its axes say of the part that is to be made now."""
    axes = node.get("axes")
    if not isinstance(axes, Mapping):
        return node
    return {**node, "axes": {k: v for k, v in axes.items() if k != "filter"}}
