"""All that a card says of a data set, gathered once."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson
import yaml

from synthdata._version import __version__
from synthdata.card.census import Census
from synthdata.config import Config
from synthdata.primitives import Mixed
from synthdata.run.run import Run
from synthdata.splits import ALL, Splits
from synthdata.styles import HandDrawn
from synthdata.writers.table import READABLE

SHOWN = 4  # pictures
MOST_NAMED = 5  # kinds of marks in a title
VERSION = "1.0.0"  # of any data set: another one has another digest
_DIGEST, _DAY = re.compile("[0-9a-f]{64}"), re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PLAIN = re.compile(r"[\w-][\w.-]*")
#: Keys of a config that say nothing of samples.
_NO_RECIPE = (
    *("shard_size", "failures", "output", "engine", "parallel", "writer"),
    *("exports", "card", "report"),
)

#: Label -> the task of the Hugging Face hub that it is for.
_TASKS = {
    "marks": "object-detection",
    "boxes": "object-detection",
    "segments": "image-segmentation",
    "instance_mask": "image-segmentation",
    "semantic_mask": "image-segmentation",
    "keypoints": "keypoint-detection",
    "image_level": "image-classification",
    "captions": "image-to-text",
    "questions": "visual-question-answering",
}


#: Label -> what it gives, where its name does not say it.
_LABELS = {
    "attraction_map": "attraction maps",
    "captions_llm": "captions by a language model",
    "chart_questions": "questions on the charts with answers",
    "class": "classes",
    "clean": "clean pictures",
    "distance_map": "distance maps",
    "edge_map": "edge maps",
    "flow": "optical flow",
    "image_level": "numbers and classes of whole images",
    "instance_mask": "instance masks",
    "junction_map": "junction maps",
    "keypoints": "key points",
    "questions": "questions with answers",
    "semantic_mask": "semantic masks",
    "wireframe": "wireframes",
}


class DataFiles(NamedTuple):
    """The files of one split, as a pattern from the folder of the card on."""

    split: str
    pattern: str


class Layout(NamedTuple):
    """How the files of a data set lie.

    Attributes
    ----------
    kind
        ``run`` (a run's own folders), ``imagefolder``, ``webdataset`` or ``parquet``.
    data
        Its files, split by split; none of a split without samples, which readers refuse.
    shards
        The names of its shards, where they are one file each and lie on this disk.
    """

    kind: str
    data: tuple[DataFiles, ...]
    shards: tuple[str, ...] = ()


class Facts(NamedTuple):
    """What is true of a data set.

    Attributes
    ----------
    pictures
        The first pictures, from the folder of the card on; none where nobody could see them.
    """

    config: Config
    layout: Layout
    census: Census
    failed: int
    size: int
    digest: str
    created: str
    pictures: tuple[str, ...]

    @property
    def title(self) -> str:
        """Its name, in words."""
        many = f"{len(self.drawn)} kinds of marks"
        shown = many if len(self.drawn) > MOST_NAMED else _joined(self.drawn)
        return self.config.card.title or f"Synthetic images of {shown}"

    @property
    def creator(self) -> str:
        """Who made it."""
        return self.config.card.creator or "anonymous"

    @property
    def url(self) -> str:
        """Its web page, or what it is named by where it has none."""
        return self.config.card.url or f"urn:sha256:{self.digest}"

    @property
    def drawn(self) -> list[str]:
        """The names of what is drawn, each once."""
        names: list[str] = []
        for name, primitive in self.config.primitives.items():
            names += primitive.shares() if isinstance(primitive, Mixed) else [name]
        return [_words(name) for name in dict.fromkeys(names)]

    @property
    def description(self) -> str:
        """What it is, in a sentence or more."""
        return self.config.card.description or " ".join(self._sentences())

    def _sentences(self) -> Iterator[str]:
        config, axes = self.config, self.config.axes
        images = "image" if self.census.n == 1 else "images"
        several = axes is not None and "canvas.size" in axes.bind.values()
        size = "several sizes" if several else "{} x {} pixels".format(*config.canvas.size)
        yield f"{self.census.n:,} synthetic {images} of {size}, with {_joined(self.drawn)}."
        if isinstance(config.style, HandDrawn):
            yield "They look drawn by hand."
        if config.effects:
            yield f"What was drawn went through {_joined([*map(_words, config.effects)])}."
        if axes is not None:
            lengths = [f"{_words(name)} ({len(axis):,})" for name, axis in axes.values.items()]
            yield f"They lie on a grid with the axes {_joined(lengths)}."
        if self.labels:
            yield f"Labels come from the geometry that was drawn: {_joined(self.labels)}."

    @property
    def labels(self) -> list[str]:
        """The names of the labels."""
        return [_LABELS.get(name, _words(name)) for name in self.config.labels]

    @property
    def tasks(self) -> list[str]:
        """Those of the Hugging Face hub that its labels are for."""
        return list(dict.fromkeys(_TASKS[k] for k in self.config.labels if k in _TASKS))

    @property
    def recipe(self) -> str:
        """The config that makes the same samples again, as YAML; with the version that does."""
        return recipe(self.config)

    @property
    def splits(self) -> list[tuple[str, int]]:
        """The splits and how many samples are in each."""
        return list(self.census.samples.items())


def recipe(config: Config) -> str:
    """``Facts.recipe`` of runs of this config."""
    node = config.to_mapping()
    for key in _NO_RECIPE:
        node.pop(key, None)
    node = {"n": node.pop("n"), **node}
    return f"# synthdata {__version__}\n{as_yaml(node, flow=None)}"


def as_yaml(node: Any, flow: bool | None = False) -> str:
    """Plain data as YAML, in the order that it has."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # a tenth of the time, where it is
    text: str = yaml.dump(
        node,
        Dumper=dumper,
        sort_keys=False,
        default_flow_style=flow,
        allow_unicode=True,
        width=100 if flow is None else 1 << 30,
    )
    return text


def facts_of(run: Run) -> Facts:
    """Those of a complete run.

    With splits one look at each record; without, what was counted when it was made will do.
    """
    config = run.config
    splits = Splits(config.split or ALL)
    census = _counted(run, splits) or _counting(run, splits)
    first = [
        f"{shard:05d}/{record['file_name']}"
        for shard, record in itertools.islice(_records(run), SHOWN)
        if _PLAIN.fullmatch(record["file_name"])
    ]
    suffix = config.encoder.suffix
    if suffix not in READABLE or suffix.startswith(".tif"):  # which no browser shows
        first = []
    elif first and config.writer.one_file:
        first = [f"preview{suffix}"]
    return exported_facts(run, census, _layout(run), first)


def _counted(run: Run, splits: Splits) -> Census | None:
    made, marks = run.state.get("made"), run.state.get("marks")
    if len(splits.names) > 1 or type(made) is not int or not isinstance(marks, dict):
        return None
    if any(type(count) is not int for count in marks.values()):
        return None
    return Census.of_counts(splits.names[0], made, marks)


def _counting(run: Run, splits: Splits) -> Census:
    census = Census(splits.names)
    for _, record in _records(run):
        census.add(record, splits.of_record(record))
    return census


def exported_facts(run: Run, census: Census, layout: Layout, pictures: Sequence[str] = ()) -> Facts:
    """Those of a run's samples in another layout, counted already."""
    state = run.state
    return Facts(
        config=run.config,
        layout=layout,
        census=census,
        failed=int(state.get("failed", 0)),
        size=int(state.get("bytes", 0)),
        digest=_matching(_DIGEST, state.get("digest")),
        created=_matching(_DAY, str(state.get("started"))[:10]),
        pictures=tuple(pictures),
    )


def _records(run: Run) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in run.lines():
        yield number, orjson.loads(line)


def _layout(run: Run) -> Layout:
    writer = run.config.writer
    if not writer.one_file:
        return Layout("run", (DataFiles("train", "[0-9]*/*"),))
    suffix = str(getattr(writer, "suffix", ""))
    kind = {".tar": "webdataset", ".parquet": "parquet"}.get(suffix, suffix)
    local = run.config.store.local
    shards = (f"{s.number:05d}{suffix}" for s in run.plan.shards()) if local else ()
    return Layout(kind, (DataFiles("train", f"*{suffix}"),), tuple(shards))


def _matching(form: re.Pattern[str], value: Any) -> str:
    """Text of that form; none for anything else: a run.json may be a stranger's."""
    return value if isinstance(value, str) and form.fullmatch(value) else ""


def _words(name: str) -> str:
    return name.replace("_", " ")


def _joined(words: Sequence[str]) -> str:
    *others, last = words or ["nothing"]
    return f"{', '.join(others)} and {last}" if others else last
