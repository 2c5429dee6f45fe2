"""Options put together as nobody did before: each sample comes out right, or is refused."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from PIL import Image

from synthdata import Generator
from synthdata.errors import SynthdataError

pytestmark = pytest.mark.slow
CONF = Path(__file__).resolve().parents[1] / "conf"


def options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def some(group: str, least: int, most: int, without: str = "") -> st.SearchStrategy[str]:
    names = [name for name in options(group) if name != without]
    chosen = st.lists(st.sampled_from(names), min_size=least, max_size=most, unique=True)
    return chosen.map(lambda chosen: f"{group}=[{','.join(chosen)}]")


SIDES = st.sampled_from([1, 2, 7, 33, 64, 150])
OVERRIDES = st.tuples(
    some("primitives", 1, 3),
    some("effects", 0, 3),
    some("labels", 0, 6, without="captions_llm"),
    *(
        st.sampled_from(names).map(f"{group}={{}}".format)
        for group, names in (
            ("layout", ["free"] * 4 + options("layout")),  # others refuse much
            *((group, options(group)) for group in ("style", "renderer", "encoder")),
        )
    ),
    st.tuples(SIDES, SIDES).map(lambda size: f"canvas.size=[{size[0]},{size[1]}]"),
    st.sampled_from(["rgb", "rgb", "grey", "binary"]).map("canvas.mode={}".format),
    st.sampled_from(["white", "black", "'#345678'", "{dist: hsv}"]).map(
        "canvas.background={}".format
    ),
    st.integers(0, 999).map("seed={}".format),
)


def decoded(data: bytes, suffix: str) -> Any:
    if suffix == ".npy":
        return np.load(io.BytesIO(data))
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


@settings(max_examples=40)
@given(overrides=OVERRIDES, index=st.integers(0, 10**12))
def test_any_options_go_together_or_say_why_not(overrides: tuple[str, ...], index: int) -> None:
    try:
        generator = Generator.from_config(list(overrides))
        made = [generator.encode(generator[k]) for k in (index, index + 1, index + 2)]
    except SynthdataError as error:
        event("refused")
        assert len(str(error).splitlines()) == 1
        return
    event("made")
    for record, files in made:
        assert orjson.loads(orjson.dumps(record))["file_name"] in files
        for name, data in files.items():
            assert decoded(data, Path(name).suffix).shape[:2] == (record["height"], record["width"])
        for mark in record.get("marks", ()):
            if mark["bbox"] is not None:
                x, y, w, h = mark["bbox"]
                assert x >= 0 <= y
                assert x + w <= record["width"] + 1e-3
                assert y + h <= record["height"] + 1e-3
    # Another generator, which comes from elsewhere, makes the same.
    other = Generator.from_config(list(overrides))
    assert [other.encode(other[index + k]) for k in (2, 0, 1)] == [made[k] for k in (2, 0, 1)]
