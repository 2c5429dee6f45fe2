"""croissant.json: the data set as Croissant 1.1 describes it, with its RAI fields and provenance.

The format is that of http://mlcommons.org/croissant/1.1 and http://mlcommons.org/croissant/RAI/1.0;
provenance is in PROV-O, as section "Provenance Representation" of the former asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from synthdata._version import __version__
from synthdata.card.facts import VERSION, Facts
from synthdata.card.licenses import license_url
from synthdata.card.record_sets import JSON, record_sets

SHARDS = 1000  # that are listed file by file, each with its hash; more are a pattern

_CR = "http://mlcommons.org/croissant"
_TERMS = (
    *("annotation", "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty"),
    *("excludes", "extract", "field", "fileProperty", "fileObject", "fileSet", "format"),
    *(
        "includes",
        "isArray",
        "isLiveDataset",
        "jsonPath",
        "key",
        "md5",
        "parentField",
        "path",
        "recordSet",
    ),
    *(
        "references",
        "regex",
        "repeated",
        "replace",
        "readLines",
        "samplingRate",
        "separator",
        "source",
        "subField",
    ),
    *("transform", "unArchive", "value"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": f"{_CR}/",
    "rai": f"{_CR}/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{term: f"cr:{term}" for term in _TERMS},
    "sdVersion": "cr:sdVersion",
}
_MIME = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}


def croissant(facts: Facts, folder: Path) -> JSON:
    """The description of a data set whose files lie in ``folder``, ready for JSON."""
    card = facts.config.card
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [f"{_CR}/1.1", f"{_CR}/RAI/1.0"],
        "name": facts.title,
        "description": facts.description,
        "license": license_url(card.license) or card.license,
        "url": facts.url,
        "creator": {"@type": "sc:Organization", "name": facts.creator},
        "datePublished": facts.created,
        "version": VERSION,
        "keywords": ["synthetic", "synthdata", *facts.drawn],
        "citeAs": f"{facts.title}. Made by synthdata {__version__}, digest {facts.digest}.",
        **_responsible(facts),
        **_provenance(facts),
        "distribution": list(_files(facts, folder)),
        "recordSet": list(record_sets(facts)),
    }


def _responsible(facts: Facts) -> JSON:
    found = facts.census.near_duplicates()
    apart = (
        f"{found} samples have a nearly equal scene in another split. "
        if len(facts.splits) > 1
        else ""
    )
    return {
        "rai:dataCollection": "Drawn by a program from a config and a seed. Nothing was collected.",
        "rai:dataCollectionType": ["Software Collection"],
        "rai:dataCollectionMissingData": f"{facts.failed} samples could not be made.",
        "rai:dataAnnotationProtocol": (
            "Labels are computed from the geometry that was drawn, not from pixels or by people."
        ),
        "rai:machineAnnotationTools": [f"synthdata {__version__}"],
        "rai:annotationsPerItem": "1",
        "rai:dataUseCases": [f"Training and testing of {task} models" for task in facts.tasks]
        or ["Training and testing of vision models"],
        "rai:dataLimitations": [
            f"{apart}All that varies is what the config lets vary; "
            "models that do well here need not do well on photographs."
        ],
        "rai:dataBiases": ["Shapes, colours and places follow the distributions in the config."],
        "rai:personalSensitiveInformation": [
            "None was collected: a program draws all of it from the config."
        ],
        "rai:dataSocialImpact": "None is known.",
    }


def _provenance(facts: Facts) -> JSON:
    agent = {"@type": "prov:SoftwareAgent", "@id": f"urn:synthdata:{__version__}"}
    return {
        "prov:wasAttributedTo": agent | {"prov:label": f"synthdata {__version__}"},
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "@id": f"urn:sha256:{facts.config.fingerprint}",
            "prov:label": (
                f"Drawn from the config in README.md with the seed {facts.config.seed}; "
                f"fingerprint {facts.config.fingerprint}, digest of the records {facts.digest}"
            ),
            "prov:wasAssociatedWith": {"@id": agent["@id"]},
        },
    }


def _files(facts: Facts, folder: Path) -> Iterator[JSON]:
    kind, suffix = facts.layout.kind, facts.config.encoder.suffix
    if kind == "parquet":
        patterns = [each.pattern for each in facts.layout.data]
        yield _set("table-files", patterns, "application/x-parquet")
        return
    inside: JSON = {}
    if kind == "webdataset":
        listed = facts.layout.shards[:SHARDS] if len(facts.layout.shards) <= SHARDS else ()
        for name in listed:
            yield {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": name,
                "encodingFormat": "application/x-tar",
                "sha256": _sha256(folder / name),
            }
        if not listed:
            patterns = [each.pattern for each in facts.layout.data]
            yield _set("shard-files", patterns, "application/x-tar")
            inside = {"containedIn": {"@id": "shard-files"}}
        else:
            inside = {"containedIn": [{"@id": name} for name in listed]}
    place = "" if kind == "webdataset" else "*/"
    mime = _MIME.get(suffix, "application/octet-stream")
    yield _set("image-files", [f"{place}[0-9]*[0-9]{suffix}"], mime) | inside
    for name in facts.config.label_images:
        yield _set(f"{name}-files", [f"{place}[0-9]*[0-9].{name}.png"], "image/png") | inside
    if kind == "webdataset":
        yield _set("record-files", ["[0-9]*[0-9].json"], "application/json") | inside
    else:
        yield _set("record-files", ["*/metadata.jsonl"], "application/jsonlines")


def _set(name: str, patterns: list[str], mime: str) -> JSON:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "encodingFormat": mime,
        "includes": patterns if len(patterns) > 1 else patterns[0],
    }


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
