"""Shards in an object store: built on the local disk, uploaded, committed by their last object."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from synthdata.errors import ConfigError, StorageError
from synthdata.runtime.resources import Kept, Resource
from synthdata.writers.base import ShardWriter, WriteError, Writer
from synthdata.writers.folder import DATASET, METADATA
from synthdata.writers.urls import KINDS, REQUESTS, check_url

T = TypeVar("T")
PAUSES_S = (1.0, 5.0)  # before a request is tried again, beyond what the library itself does
CHECK_S = 20.0  # the longest that a store may take to say that it is there


class StoreError(StorageError, WriteError):
    """An object store refuses or does not answer: one sentence with the URL and the cause."""


@dataclass(frozen=True)
class Remote(Writer):
    """Shards that ``inner`` builds in a folder of their own and that are then uploaded to ``url``.

    The store holds what a run directory holds: ``dataset/00000/...`` and, beside it, what
    ``publish`` puts there. Of a shard that is a folder, ``metadata.jsonl`` comes last: a shard is
    finished when that is there. A shard that is one file is one object. What an upload that broke
    off has left is overwritten or removed when the shard is made again.

    Credentials and endpoints come from the environment or the cloud's own config files. Only the
    two fields are pickled; each process opens connections of its own.

    Raises ConfigError for a URL that cannot be; whatever the store refuses is a StoreError.
    """

    local: ClassVar[bool] = False

    inner: Writer
    url: str

    def __post_init__(self) -> None:
        try:
            check_url(self.url)
        except ConfigError as error:
            raise error.at("output") from None

    def check(self) -> None:
        """Raise ConfigError unless the store answers and the bucket is there, within 20 seconds."""
        where = f"output.url: {self.url}"
        found = [f"{where}: does not answer within {CHECK_S:g} seconds"]

        def ask() -> None:
            try:
                there, bucket = self._answers()
                found[0] = (
                    "" if there else f"{where}: there is no bucket {bucket!r} that you may list"
                )
            except ConfigError as error:
                found[0] = str(error)
            except Exception as error:
                found[0] = f"{where}: cannot be used: {_cause(error)}"

        asking = threading.Thread(target=ask, daemon=True)  # may hang in a system call for longer
        asking.start()
        asking.join(CHECK_S)
        if found[0]:
            raise ConfigError(found[0])

    def _answers(self) -> tuple[bool, str]:
        """Whether the bucket can be listed, and its name; raises whatever the store does."""
        store, root = self._place()
        store.invalidate_cache()
        bucket = root.partition("/")[0]
        if not KINDS[self._scheme].bucket or store.exists(f"{root}/{DATASET}"):
            return True, bucket
        return bool(store.exists(bucket)), bucket

    def publish(self, run: Path, names: Sequence[str]) -> None:
        """Put these files of the run directory beside the data set; remove those it has not."""
        for name in names:
            if (run / name).exists():
                self._put(run / name, name)
            elif self._try(lambda store, path: store.exists(path), name):
                self._remove([name])

    def published(self, name: str) -> bytes | None:
        """What ``publish`` put there under this name; None if nothing."""
        try:
            return self._get(name)
        except FileNotFoundError:
            return None

    def open(self, run: Path, shard: int, staging: Path, replace: bool = False) -> ShardWriter:
        return _RemoteShard(self, shard, staging, replace)

    def finished(self, run: Path) -> set[int]:
        store, _ = self._place()
        store.invalidate_cache()
        try:
            entries = self._try(lambda store, path: store.ls(path, detail=True), DATASET)
        except FileNotFoundError:
            return set()
        files, folders = set(), []
        for entry in entries:
            match = re.fullmatch(r"(\d{5,})(\..+)?", entry["name"].rstrip("/").rpartition("/")[2])
            if match and match[1] == f"{int(match[1]):05d}":
                if entry["type"] == "directory" and match[2] is None:
                    folders.append(int(match[1]))
                elif entry["type"] == "file" and match[2] is not None:
                    files.add(int(match[1]))
        marks = _at_once(self._is_committed, folders)
        return files | {number for number, there in zip(folders, marks, strict=True) if there}

    def holds(self, run: Path, shard: int) -> bool:
        if not self.inner.one_file:
            return self._is_committed(shard)
        return bool(self._names(DATASET, f"{shard:05d}."))

    def metadata(self, run: Path, shard: int) -> Iterator[bytes]:
        if self.inner.one_file:
            yield from self.inner.metadata(self._copy(shard), shard)
            return
        try:
            yield from io.BytesIO(self._get(f"{_folder(shard)}/{METADATA}"))
        except FileNotFoundError:
            yield from self.inner.metadata(self._copy(shard), shard)

    def files(self, run: Path, shard: int) -> Iterator[str]:
        names = [] if self.inner.one_file else self._names(_folder(shard))
        if not names:
            return self.inner.files(self._copy(shard), shard)
        return (name for name in names if name != METADATA)

    def faults(self, run: Path, shard: int) -> Iterator[str]:
        if self.inner.one_file:
            yield from self.inner.faults(self._copy(shard), shard)

    def read(self, run: Path, shard: int, name: str) -> bytes:
        if self.inner.one_file:
            return self.inner.read(self._kept(shard) or self._copy(shard), shard, name)
        try:
            return self._get(f"{_folder(shard)}/{name}")
        except FileNotFoundError:
            return self.inner.read(self._copy(shard), shard, name)

    def upload(self, built: Path, shard: int, replace: bool) -> bool:
        """Upload the shard that lies in the run directory ``built``, its commit mark last.

        A shard that is finished stays as it is unless it is to be replaced; False then.
        """
        paths = [p for p in (built / DATASET).rglob("*") if p.is_file()]
        ours = {p.relative_to(built).as_posix(): p for p in paths}
        mark = f"{_folder(shard)}/{METADATA}"
        if mark not in ours:
            return self._upload_file(ours, shard, replace)
        there = {f"{_folder(shard)}/{name}" for name in self._names(_folder(shard))}
        if mark in there and not replace:
            return False
        _at_once(lambda name: self._put(ours[name], name), [name for name in ours if name != mark])
        strays = there - set(ours)
        if not replace:
            self._remove(strays)
        self._put(ours[mark], mark)
        if replace:  # until now the shard that was there had a use for them
            self._remove(strays)
        return True

    def _upload_file(self, ours: Mapping[str, Path], shard: int, replace: bool) -> bool:
        """Upload a shard of one file, which is its own commit mark; False if that is there."""
        names = [name for name in ours if name.startswith(f"{_folder(shard)}.")]
        if len(names) != 1:  # a run that was ended before this process removes what it has built
            raise StoreError(f"{self.url}: shard {shard:05d} is not whole on the local disk")
        if not replace and names[0].rpartition("/")[2] in self._names(DATASET, f"{shard:05d}."):
            return False
        self._put(ours[names[0]], names[0])
        return True

    @property
    def _scheme(self) -> str:
        return self.url.partition("://")[0]

    def _place(self) -> tuple[Any, str]:
        """This process's file system for the URL, and the path of the URL in it."""
        url = self.url.rstrip("/")
        place: tuple[Any, str] = _places(url, url)["place"]
        return place

    def _try(self, action: Callable[[Any, str], T], name: str, verb: str = "read") -> T:
        """``action(file system, path of name)``, tried again while its failure may pass.

        Raises FileNotFoundError, and StoreError for everything else that goes wrong.
        """
        store, root = self._place()
        for pause in (*PAUSES_S, None):
            try:
                return action(store, f"{root}/{name}")
            except FileNotFoundError:
                raise
            except Exception as error:
                if pause is None or isinstance(error, PermissionError):
                    raise self._error(name, verb, error) from error
            time.sleep(pause)
        raise AssertionError  # the last pause is None

    def _error(self, name: str, verb: str, error: Exception) -> StoreError:
        sentence = f"{self.url.rstrip('/')}/{name}: cannot be {verb}: {_cause(error)}"
        number = getattr(error, "errno", None)
        full = (number,) if number in (errno.ENOSPC, errno.EDQUOT) else ()
        return StoreError(*full, sentence)

    def _put(self, source: Path, name: str) -> None:
        def put(store: Any, path: str) -> None:
            if self._scheme != "file":
                store.put_file(str(source), path)
                return
            folder, _, last = path.rpartition("/")  # a file is not written in one step
            with tempfile.TemporaryDirectory(prefix=f".{last}.", dir=_made(folder)) as beside:
                store.put_file(str(source), f"{beside}/{last}")
                os.replace(f"{beside}/{last}", path)

        try:
            self._try(put, name, "written")
        except FileNotFoundError as error:  # no bucket; or the run has removed what is uploaded
            raise self._error(name, "written", error) from error

    def _get(self, name: str) -> bytes:
        return bytes(self._try(lambda store, path: store.cat_file(path), name))

    def _remove(self, names: Iterable[str]) -> None:
        def remove(name: str) -> None:
            with contextlib.suppress(FileNotFoundError):
                self._try(lambda store, path: store.rm_file(path), name, "removed")

        _at_once(remove, names)

    def _is_committed(self, shard: int) -> bool:
        mark = f"{_folder(shard)}/{METADATA}"
        return bool(self._try(lambda store, path: store.exists(path), mark))

    def _names(self, folder: str, prefix: str = "") -> list[str]:
        """The names below a folder, as they are now, of those that begin with the prefix."""

        def find(store: Any, path: str) -> list[str]:
            store.invalidate_cache()
            found = store.find(path, **({"prefix": prefix} if prefix else {}))
            return [p[len(path) + 1 :] for p in found if p.startswith(f"{path}/{prefix}")]

        try:
            return self._try(find, folder)
        except FileNotFoundError:
            return []

    def _kept(self, shard: int) -> Path | None:
        """The copy of a shard of one file, as ``metadata`` found it last; None without one."""
        for key in _copies:
            url, name, _ = key
            if url == self.url and name.startswith(f"{shard:05d}."):
                return Path(_copies(key, (self, name))["copy"].name)
        return None

    def _copy(self, shard: int) -> Path:
        """A local run directory with this shard of one file in it, kept until the next is asked.

        Raises FileNotFoundError if there is no such shard.
        """
        for name in self._names(DATASET, f"{shard:05d}."):
            tag = self._try(lambda store, path: store.ukey(path), f"{DATASET}/{name}")
            return Path(_copies((self.url, name, tag), (self, name))["copy"].name)
        raise FileNotFoundError(errno.ENOENT, "is not in the store", f"{self.url}/{_folder(shard)}")


class _RemoteShard(ShardWriter):
    """A shard that ``inner`` builds in a spool: a run directory with this one shard."""

    def __init__(self, remote: Remote, shard: int, staging: Path, replace: bool) -> None:
        self._remote, self._shard, self._replace = remote, shard, replace
        # mkdtemp: a name that no other process has, on this host or on one with the same disk
        self._spool = Path(tempfile.mkdtemp(prefix=f"{shard:05d}.", dir=_made(staging)))
        self._built = False
        try:
            self._inner = remote.inner.open(self._spool, shard, self._spool / "parts")
        except BaseException:
            shutil.rmtree(self._spool, ignore_errors=True)
            raise

    def add(self, record: Mapping[str, Any], files: Mapping[str, bytes]) -> int:
        return self._inner.add(record, files)

    def commit(self) -> bool:
        self._inner.commit()
        self._built = True
        is_first = self._remote.upload(self._spool, self._shard, self._replace)
        shutil.rmtree(self._spool, ignore_errors=True)
        return is_first

    def abort(self) -> None:
        if not self._built:
            self._inner.abort()
        shutil.rmtree(self._spool, ignore_errors=True)


def _open_place(url: str) -> tuple[Any, str]:
    scheme = url.partition("://")[0]
    for name, value in KINDS[scheme].environment.items():
        os.environ.setdefault(name, value)
    try:
        from fsspec.core import url_to_fs

        store, root = url_to_fs(
            url, use_listings_cache=False, skip_instance_cache=True, **KINDS[scheme].options
        )
    except ImportError as error:
        raise ConfigError(
            f"output.url: {scheme}:// needs a package that is not installed "
            f'({error}): pip install "synthdata[{KINDS[scheme].extra}]"'
        ) from error
    except Exception as error:
        raise ConfigError(f"output.url: {url}: cannot be used: {_cause(error)}") from error
    if scheme == "s3":
        store.retries = 1  # s3fs would try five times each of the five that botocore does
    return store, root


def _make_copy(asked: tuple[Remote, str]) -> tempfile.TemporaryDirectory[str]:
    """A local run directory with one shard in it, of one file."""
    remote, name = asked
    data = remote._get(f"{DATASET}/{name}")
    copy = tempfile.TemporaryDirectory(prefix="synthdata-")
    (_made(Path(copy.name) / DATASET) / name).write_bytes(data)
    return copy


# fsspec's file systems are neither to be pickled nor to survive a fork: each process has its own.
_places = Kept([Resource("place", _open_place)], most=64)
_copies = Kept([Resource("copy", _make_copy, close=lambda copy: copy.cleanup())])


def _at_once(action: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
    """``action`` of each item, many at a time, in order; the first failure ends the others.

    Those under way are waited for then, but not after a key press: a store may never answer.
    """
    ends: list[tuple[Any, Future[T]]] = [(item, Future()) for item in items]
    left = deque(ends)

    def work() -> None:
        with contextlib.suppress(IndexError):
            while True:
                item, end = left.popleft()
                try:
                    end.set_result(action(item))
                except BaseException as error:
                    end.set_exception(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in ends[:REQUESTS]]
    for thread in threads:
        thread.start()
    try:
        return [end.result() for _, end in ends]
    except Exception:
        left.clear()
        for thread in threads:
            thread.join()
        raise
    finally:
        left.clear()


def _cause(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _folder(shard: int) -> str:
    return f"{DATASET}/{shard:05d}"


def _made(folder: str | Path) -> Path:
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path
