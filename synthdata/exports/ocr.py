"""Lines of text as trainers of text recognition read them: ``labels.txt`` or LMDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from synthdata.config import Config
from synthdata.errors import ConfigError
from synthdata.exports.base import Format, need, need_label
from synthdata.exports.source import Item, Source, Survey, file_name

ROOM = 1 << 40  # bytes that an LMDB may grow to; on the disk it takes what is in it
BATCH = 1000  # samples in a transaction


@dataclass(frozen=True, kw_only=True)
class Ocr(Format):
    """A folder for each split, with pictures of one line of text each.

    ``kind`` is ``folder``: pictures and ``labels.txt``, a line of file name, tab and text for each,
    as PaddleOCR and others read it; or ``lmdb``, as deep-text-recognition-benchmark and others do:
    ``image-000000001``, ``label-000000001``, ..., ``num-samples``. Pictures in folders are hard
    links; with ``link=false`` copies.
    """

    kind: Literal["folder", "lmdb"] = "folder"
    link: bool = True

    def check(self, config: Config) -> None:
        need_label(config, "ocr", "texts")
        if self.kind == "lmdb":
            _lmdb()

    def write(self, source: Source, survey: Survey, target: Path) -> None:
        need(survey, "ocr", "texts")
        for split in source.splits.names:
            folder = target / split
            folder.mkdir(parents=True)
            items = (item for item in source if item.split == split)
            if self.kind == "lmdb":
                _write_lmdb(source, items, folder)
            else:
                self._write_folder(source, items, folder)

    def _write_folder(self, source: Source, items: Iterator[Item], folder: Path) -> None:
        with open(folder / "labels.txt", "w", encoding="utf-8", newline="\n") as lines:
            for item in items:
                source.place(item, folder, self.link)
                lines.write(f"{file_name(item.record)}\t{_text(item)}\n")


def _write_lmdb(source: Source, items: Iterator[Item], folder: Path) -> None:
    with _lmdb().open(str(folder), map_size=ROOM, lock=False, metasync=False) as store:
        done = 0
        while batch := list(islice(items, BATCH)):
            with store.begin(write=True) as transaction:
                for done, item in enumerate(batch, done + 1):  # noqa: B020
                    transaction.put(b"image-%09d" % done, source.read(item))
                    transaction.put(b"label-%09d" % done, _text(item).encode())
        with store.begin(write=True) as transaction:
            transaction.put(b"num-samples", b"%d" % done)


def _text(item: Item) -> str:
    texts = item.record["texts"]
    if len(texts) != 1:
        raise ConfigError(
            f"sample {item.record['index']}: has {len(texts)} lines of text where ocr takes one; "
            "make the run with primitives.text.count=1, or recipe=text_lines"
        )
    return " ".join(str(texts[0]["text"]).split())


def _lmdb() -> Any:
    try:
        import lmdb
    except ImportError:
        raise ConfigError(
            'export: ocr kind=lmdb needs lmdb; pip install "synthdata[lmdb]"'
        ) from None
    return lmdb
