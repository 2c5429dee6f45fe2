"""Shards to put into an object store, and one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from configs import config
from object_store import OVERRIDES, SIZE, clean, server, store  # noqa: F401

from synthdata.generator import Generator
from synthdata.writers import Writer


@pytest.fixture(scope="module")
def samples() -> list[tuple[dict[str, Any], Mapping[str, bytes]]]:
    generator = Generator(config(OVERRIDES).sample_config)
    return [generator.encode(generator[index]) for index in range(2 * SIZE)]


@pytest.fixture
def make(samples: list[Any]) -> Callable[..., None]:
    """Make a shard as a worker does; ``without`` are samples that failed."""

    def make(
        writer: Writer, run: Path, shard: int, without: int | None = None, replace: bool = False
    ) -> None:
        run.mkdir(exist_ok=True)
        opened = writer.open(run, shard, run / ".staging", replace)
        try:
            for index in range(shard * SIZE, (shard + 1) * SIZE):
                if index != without:
                    opened.add(*samples[index])
            opened.commit()
        except BaseException:
            opened.abort()
            raise

    return make
