"""The record sets of a croissant.json: what a data set's rows have, and where it is read from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthdata.card.facts import Facts
from synthdata.writers.table import Columns

JSON = dict[str, Any]

_TYPES = {int: "cr:Int64", float: "cr:Float64", bool: "sc:Boolean", str: "sc:Text"}


def record_sets(facts: Facts) -> Iterator[JSON]:
    """Of the samples, of label images where these are files of their own, and of the splits."""
    yield from _samples(facts)
    yield from _splits(facts)


def _samples(facts: Facts) -> Iterator[JSON]:
    columns = Columns.of(facts.config)
    kind = facts.layout.kind
    if kind == "webdataset":  # joins of what is in archives are more than Croissant's readers can
        yield _record_set("samples", "One for each image.", _file_fields("samples", "image"))
        yield _record_set("records", "The labels, as JSON.", _file_fields("records", "record"))
    elif kind == "parquet":
        plain = [(key, _TYPES[t]) for key, t in columns.plain]
        plain.append(("record", "sc:Text"))
        fields = [_field("samples", key, kind, _column("table", key)) for key, kind in plain]
        for name in ("image", *columns.images):
            source = _column("table", name) | {"transform": {"jsonPath": "bytes"}}
            fields.append(_field("samples", name, "sc:ImageObject", source))
        yield _record_set("samples", "One for each image.", fields)
    else:
        plain = [(key, _TYPES[t]) for key, t in columns.plain]
        if kind == "imagefolder":  # in a run's own folder the record is the row itself
            plain.append(("record", "sc:Text"))
        fields = [_field("samples", key, kind, _column("record", key)) for key, kind in plain]
        name_of = _field("samples", "file_name", "sc:Text", _column("record", "file_name"))
        name_of["references"] = _property("image", "filename")
        content = _field("samples", "image", "sc:ImageObject", _property("image", "content"))
        lists = [_list(key) for key in _LISTS if kind == "run" and key in facts.config.labels]
        yield _record_set("samples", "One for each image.", [*fields, name_of, content, *lists])
    if kind != "parquet":
        for name in columns.images:
            about = f"The label image {name} of each image."
            yield _record_set(name, about, _file_fields(name, name))


def _record_set(name: str, description: str, fields: list[JSON]) -> JSON:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "key": {"@id": f"{name}/index"},
        "field": fields,
    }


def _file_fields(record_set: str, files: str) -> list[JSON]:
    """The index that a file's name begins with, and its contents."""
    number = _property(files, "filename") | {"transform": {"regex": "^([0-9]+)"}}
    kind = "sc:Text" if files == "record" else "sc:ImageObject"
    return [
        _field(record_set, "index", "cr:Int64", number),
        _field(record_set, files, kind, _property(files, "content")),
    ]


def _property(files: str, name: str) -> JSON:
    return {"fileSet": {"@id": f"{files}-files"}, "extract": {"fileProperty": name}}


def _column(files: str, key: str) -> JSON:
    return {"fileSet": {"@id": f"{files}-files"}, "extract": {"column": key}}


def _field(record_set: str, name: str, kind: str, source: JSON) -> JSON:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}",
        "name": name,
        "description": _about(name),
        "dataType": kind,
        "source": source,
    }


def _list(label: str) -> JSON:
    """A field with one entry for each mark."""
    parts = []
    for key, (kind, shape) in _LISTS[label].items():
        source = _column("record", label) | {"transform": {"jsonPath": key}}
        part = _field(f"samples/{label}", key, kind, source)
        if shape:
            part |= {"isArray": True, "arrayShape": shape}
        parts.append(part)
    return {
        "@type": "cr:Field",
        "@id": f"samples/{label}",
        "name": label,
        "description": _ABOUT[label],
        "repeated": True,
        "subField": parts,
    }


#: Labels that are lists with an entry for each mark: keys of these, and shapes of those with many
#: numbers. They are null where there is nothing.
_LISTS: dict[str, dict[str, tuple[str, str]]] = {
    "marks": {
        "id": ("cr:Int64", ""),
        "category": ("sc:Text", ""),
        "bbox": ("cr:Float64", "4"),
        "keypoint_names": ("sc:Text", "-1"),
        "keypoints": ("cr:Float64", "-1,2"),
    },
    "boxes": {
        "id": ("cr:Int64", ""),
        "full": ("cr:Float64", "4"),
        "clipped": ("cr:Float64", "4"),
        "rotated": ("cr:Float64", "5"),
        "visible": ("cr:Float64", "4"),
    },
    "visibility": {
        "id": ("cr:Int64", ""),
        "pixels": ("cr:Int64", ""),
        "visible_pixels": ("cr:Int64", ""),
        "visible": ("cr:Float64", ""),
        "truncated": ("cr:Float64", ""),
        "occluded": ("cr:Float64", ""),
    },
}

_ABOUT = {
    "marks": "All marks, from back to front.",
    "boxes": "Boxes of each mark.",
    "visibility": "How much of each mark is seen.",
    "id": "The mark's value in the instance mask.",
    "category": "What it is.",
    "bbox": "Left, top, width and height of what is painted on the canvas.",
    "keypoint_names": "What the key points are.",
    "keypoints": "x and y of the points that matter.",
    "full": "Left, top, width and height, on the canvas or not.",
    "clipped": "Left, top, width and height of what is on the canvas.",
    "rotated": "The rectangle of least area: x and y of its centre, width, height, angle.",
    "visible": "Of what is seen: the box, or the share.",
    "pixels": "How many are on the canvas, hidden or not.",
    "visible_pixels": "How many are seen.",
    "truncated": "The share that is off the canvas.",
    "occluded": "The share of the pixels that is hidden.",
    "index": "Which sample it is.",
    "seed": "With the config and the index, all that decides it.",
    "width": "Pixels.",
    "height": "Pixels.",
    "background": "The colour that was drawn.",
    "image": "The picture.",
    "sha256": "The hash of the picture's file.",
    "caption": "What is in the picture.",
    "record": "All labels of the picture.",
    "file_name": "The picture's file.",
    "class": "The category of all marks, if there is one only.",
}


def _about(key: str) -> str:
    if key.endswith("_sha256"):
        return f"The hash of the file of the label image {key.removesuffix('_sha256')}."
    return _ABOUT.get(key, f"The label image or key {key}.")


def _splits(facts: Facts) -> Iterator[JSON]:
    if len(facts.splits) < 2:
        return
    urls = {"train": "cr:TrainingSplit", "val": "cr:ValidationSplit", "test": "cr:TestSplit"}
    yield {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "The split of a sample follows from it alone; see README.md.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [
            {"@type": "cr:Field", "@id": "splits/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": "splits/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": [
            {"splits/name": name, "splits/url": urls.get(name, "cr:Split")}
            for name, _ in facts.splits
        ],
    }
