"""How to load a data set, in the words of those who do."""

from __future__ import annotations

from collections.abc import Iterator

from synthdata.card.facts import Facts

#: (heading, language, code); the code runs in the folder of the card.
Snippet = tuple[str, str, str]


def snippets(facts: Facts) -> Iterator[Snippet]:
    """For each of five ecosystems or more one block of code, right for the layout."""
    split = facts.layout.data[0].split
    if facts.layout.kind == "webdataset":
        yield "WebDataset", "python", _WEBDATASET
    else:
        yield "Hugging Face datasets", "python", _DATASETS.format(split=split)
        yield "PyTorch", "python", _TORCH.format(split=split)
    yield "pandas", "python", _PANDAS[facts.layout.kind]
    yield "Plain Python", "python", _PLAIN[facts.layout.kind]
    yield "Croissant", "python", _CROISSANT
    yield "The samples with no files at all", "python", _GENERATOR


_DATASETS = """
import os

import datasets

data = datasets.load_dataset(os.getcwd(), split="{split}")
print(data[0])
"""

_TORCH = """
import os

import datasets
import torch

data = datasets.load_dataset(os.getcwd(), split="{split}").with_format("torch")
loader = torch.utils.data.DataLoader(data.select_columns(["image", "index"]), batch_size=8)
print(next(iter(loader))["image"].shape)
"""

_WEBDATASET = """
import glob

import webdataset

data = webdataset.WebDataset(sorted(glob.glob("*.tar")), shardshuffle=False).decode("torchrgb8")
for sample in data:
    print(sample["__key__"], sample["json"]["width"])
    break
"""

_IN_FOLDERS = """
import glob

import pandas

files = sorted(glob.glob("**/metadata.jsonl", recursive=True))
table = pandas.concat(pandas.read_json(name, lines=True) for name in files)
print(table.describe())
"""

_PANDAS = {
    "run": _IN_FOLDERS,
    "imagefolder": _IN_FOLDERS,
    "parquet": """
import glob

import pandas

files = sorted(glob.glob("**/*.parquet", recursive=True))
table = pandas.concat(pandas.read_parquet(name) for name in files)
print(table.describe())
""",
    "webdataset": """
import glob
import json
import tarfile

import pandas

rows = []
for name in sorted(glob.glob("*.tar")):
    with tarfile.open(name) as tar:
        rows += [json.load(tar.extractfile(m)) for m in tar if m.name.endswith(".json")]
print(pandas.DataFrame(rows).describe())
""",
}

_FOLDERS = """
import glob
import json
import os

from PIL import Image

for name in sorted(glob.glob("**/metadata.jsonl", recursive=True)):
    for line in open(name):
        record = json.loads(line)
        image = Image.open(os.path.join(os.path.dirname(name), record["file_name"]))
"""

_PLAIN = {
    "run": _FOLDERS,
    "imagefolder": _FOLDERS,
    "parquet": """
import glob
import io
import json

import pyarrow.parquet
from PIL import Image

for name in sorted(glob.glob("**/*.parquet", recursive=True)):
    for batch in pyarrow.parquet.ParquetFile(name).iter_batches(columns=["image", "record"]):
        for row in batch.to_pylist():
            record = json.loads(row["record"])
            image = Image.open(io.BytesIO(row["image"]["bytes"]))
""",
    "webdataset": """
import glob
import json
import tarfile

from PIL import Image

for name in sorted(glob.glob("*.tar")):
    with tarfile.open(name) as tar:
        for member in tar:
            if member.name.endswith(".json"):
                record = json.load(tar.extractfile(member))
                image = Image.open(tar.extractfile(record["file_name"]))
""",
}

_CROISSANT = """
import mlcroissant

data = mlcroissant.Dataset("croissant.json")
for row in data.records("samples"):
    print(row["samples/index"])
    break
"""

_GENERATOR = """
import re

import synthdata
import yaml

recipe = re.search("`yaml\\n(.*?)\\n`", open("README.md").read(), re.DOTALL)[1]
generator = synthdata.Generator(synthdata.Config.from_mapping(yaml.safe_load(recipe)))
image, record, scene, masks = generator[0]
"""
