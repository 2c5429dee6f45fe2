"""README.md, the card of a data set, with the front matter that the Hugging Face hub reads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from synthdata._version import __version__
from synthdata.card.facts import Facts, as_yaml
from synthdata.card.loading import snippets
from synthdata.writers.table import Columns

_MARK: list[dict[str, Any]] = [
    {"name": "id", "dtype": "int64"},
    {"name": "category", "dtype": "string"},
    {"name": "bbox", "sequence": "float64"},
    {"name": "keypoint_names", "sequence": "string"},
    {"name": "keypoints", "sequence": {"sequence": "float64"}},
]
_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")


def readme(facts: Facts) -> str:
    """The card, in Markdown."""
    return f"---\n{_front_matter(facts)}---\n\n" + "\n\n".join(_body(facts)) + "\n"


def escaped(text: str) -> str:
    """Text as Markdown that shows it, letter by letter, on one line for each of its lines."""
    lines = []
    for line in text.splitlines():
        line = re.sub(r"([\\`*_\[\]<>#|~&$])", r"\\\1", line.strip())
        lines.append(re.sub(r"^(\d*)([-+=.)])", r"\1\\\2", line))
    return "\n".join(lines).strip()


def fenced(text: str, language: str) -> str:
    """Text as a block of code, whatever is in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def _front_matter(facts: Facts) -> str:
    data: dict[str, Any] = {"license": facts.config.card.license, "pretty_name": facts.title}
    data["tags"] = ["synthetic", "synthdata", "image"]
    if facts.tasks:
        data["task_categories"] = facts.tasks
    data["size_categories"] = [_size(facts.census.n)]
    files = [{"split": each.split, "path": each.pattern} for each in facts.layout.data]
    config: dict[str, Any] = {"config_name": "default", "data_files": files}
    # `datasets` keeps what it has read under the folder's name and a hash of this, and every run's
    # folder has one name: without the digest it gives one run's samples for another's.
    config["description"] = f"digest {facts.digest}"
    if facts.layout.kind in ("run", "imagefolder"):
        config["features"] = features(facts)
    data["configs"] = [config]
    return as_yaml(data)


def features(facts: Facts) -> list[dict[str, Any]]:
    """The columns of an image folder as ``datasets`` is to read them.

    Without these it takes the types of the first file for those of all, and what is null or empty
    there cannot be anything else elsewhere. Of a mark they have what is the same in all.
    """
    columns = Columns.of(facts.config)
    found: list[dict[str, Any]] = [
        {"name": name, "dtype": "image"} for name in ("image", *columns.images)
    ]
    types = {int: "int64", float: "float64", bool: "bool", str: "string"}
    found += [{"name": key, "dtype": types[kind]} for key, kind in columns.plain]
    if columns.objects and facts.layout.kind == "run":
        found.append({"name": "marks", "list": _MARK})
    elif columns.objects:
        objects = [
            {"name": "id", "sequence": "int64"},
            {"name": "category", "sequence": "string"},
            {"name": "bbox", "sequence": {"sequence": "float64"}},
        ]
        found.append({"name": "objects", "struct": objects})
    if facts.layout.kind == "imagefolder":
        found.append({"name": "record", "dtype": "string"})
    return found


def _size(n: int) -> str:
    if n < 1000:
        return "n<1K"
    for k, (low, high) in enumerate(pairwise(_SIZES), 3):
        if n < 10 ** (k + 1):
            return f"{low}<n<{high}"
    return "n>1T"


def _body(facts: Facts) -> Iterator[str]:
    card = facts.config.card
    yield f"# {escaped(facts.title)}"
    yield escaped(facts.description)
    if facts.pictures:
        yield " ".join(f"![]({name})" for name in facts.pictures)
    yield "## Counts"
    yield "\n".join(_counts(facts))
    if len(facts.splits) > 1:
        yield _on_splits(facts)
    yield "## How to load it"
    for name, language, code in snippets(facts):
        yield f"### {name}"
        yield fenced(code.strip(), language)
    yield (
        "FiftyOne, CVAT and Label Studio read COCO: `python -m synthdata export RUN coco` "
        "writes it from the run."
    )
    yield "## How it was made"
    yield (
        f"By synthdata {__version__}, from this config. "
        "Sample *i* is a pure function of (config, seed, *i*), so whoever has both can make it "
        "again, byte for byte. Labels come from the geometry that was drawn; nothing was "
        "collected, and nobody annotated anything."
    )
    yield fenced(facts.recipe, "yaml")
    yield f"Digest of the records: `{facts.digest}`"
    yield "## Licence"
    by = f", by {escaped(card.creator)}" if card.creator else ""
    yield f"`{card.license}`{by}"


def _counts(facts: Facts) -> Iterator[str]:
    yield "| what | how many |"
    yield "| --- | ---: |"
    yield f"| images | {facts.census.n:,} |"
    if facts.failed:
        yield f"| samples that could not be made | {facts.failed:,} |"
    if len(facts.splits) > 1:
        for name, count in facts.splits:
            yield f"| in the split `{name}` | {count:,} |"
    for category, count in facts.census.marks.most_common():
        yield f"| {escaped(category) or '(no name)'} | {count:,} |"
    yield f"| bytes of the files | {facts.size:,} |"


def _on_splits(facts: Facts) -> str:
    found = facts.census.near_duplicates()
    apart = (
        ""
        if {each.split for each in facts.layout.data} == {name for name, n in facts.splits if n}
        else " The files lie together; `python -m synthdata export RUN imagefolder` sorts them."
    )
    return (
        "The split of a sample follows from its seed, index and record alone, so none changes its "
        f"split when the data set grows.{apart} Scenes with a near duplicate in another split: "
        f"{found:,} (the same categories, boxes and key points in whole cells of a grid of 32)."
    )
