"""Makes the pictures of the README and the pages anew, docs/images/, and the gallery.

    python scripts/pictures.py                       # all
    python scripts/pictures.py lines camera          # those of these names
    python scripts/pictures.py lines --into FOLDER   # elsewhere

Those of the pages come from the very commands that the pages show: each loop over names in their
shell code is run in docs/images/. The README's picture is a wall of samples.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gallery
import numpy as np
from PIL import Image

from synthdata import Generator

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
BLOCK = re.compile(r"^```bash\n(for name in .*?)^```$", re.MULTILINE | re.DOTALL)
LOOP = re.compile(r"^for name in ([^;]+);", re.MULTILINE)
SCREENSHOTS = ("report.png",)  # these are made by screenshots.py, which needs a browser
COLUMNS, CELL, GAP, PAPER = 6, 160, 8, (228, 228, 228)

#: Overrides for each cell of the README's picture, row by row; indented lines go on with the last.
WALL = """
primitives=lines
primitives=polylines
primitives=curves
primitives=arcs
primitives=circles
primitives=ellipses
primitives=rectangles
primitives=polygons
primitives=arrows
primitives=crosses
primitives=grids
primitives=text
primitives=mixed canvas.background={dist:hsv,saturation:[0.05,0.2],value:[0.9,1.0]}
primitives=[circles,crosses] primitives.circles.count=9 primitives.crosses.count=3
  primitives.circles.radius=[0.04,0.1] layout=non_overlapping
primitives=[circles,text] layout=min_distance layout.distance=0.2
primitives=polygons canvas.background='#14213d' primitives.polygons.filled=true
primitives=circles primitives.circles.count=25 primitives.circles.radius=0.07 layout=jittered
primitives=[grids,lines,circles] primitives.grids.count=1
primitives=text effects=[paper,blur,gaussian_noise]
primitives=mixed effects=perspective effects.perspective.jitter=0.15
primitives=lines effects=[paper,motion_blur] effects.motion_blur.length=8
primitives=rectangles effects=poisson_noise effects.poisson_noise.peak=40
primitives=curves effects=[affine,salt_pepper] effects.affine.rotation=20
primitives=mixed effects=[tone,jpeg] effects.jpeg.quality=20
primitives=[rectangles,circles] style=hand_drawn
primitives=[grids,lines,arcs] style=hand_drawn primitives.grids.count=1 effects=camera
primitives=mixed effects=camera
primitives=charts primitives.charts.kind=grouped_bar primitives.charts.size=0.05
primitives=charts primitives.charts.kind=pie primitives.charts.size=0.05 effects=camera
primitives=fractals
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="what is to be pictured; none: all"
    )
    parser.add_argument("--into", type=Path, default=IMAGES, metavar="FOLDER")
    given = parser.parse_args()
    folder: Path = given.into.resolve()
    folder.mkdir(exist_ok=True, parents=True)
    if not given.names:
        for old in folder.glob("*.png"):
            if old.name not in SCREENSHOTS:
                old.unlink()
    before = {p: p.stat().st_mtime_ns for p in folder.glob("*.png")}
    for page in sorted((ROOT / "docs").glob("*.md")):
        for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
            if commands := chosen(match[1], given.names):
                run(commands, folder)
    if not given.names:
        wall(WALL.strip().replace("\n  ", " ").splitlines()).save(folder / "contact-sheet.png")
    for picture in sorted(p for p in folder.glob("*.png") if p.name not in SCREENSHOTS):
        if before.get(picture) != picture.stat().st_mtime_ns:
            shrink(picture)
            print(f"{picture.stat().st_size / 1000:6.1f} kB  {picture.name}")
    gallery.write()


def chosen(commands: str, names: list[str]) -> str:
    """A page's loop over some of its names only; empty when it has none of them."""
    loop = LOOP.search(commands)
    if not names or loop is None:
        return commands
    kept = [name for name in loop[1].split() if name in names]
    return LOOP.sub(f"for name in {' '.join(kept)};", commands) if kept else ""


def run(commands: str, folder: Path) -> None:
    """Run shell commands in a folder, with this Python as ``python``."""
    here = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": here, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, check=True
    )


def wall(cells: list[str]) -> Image.Image:
    """One sample of each config, side by side."""
    rows, step = -(-len(cells) // COLUMNS), CELL + GAP
    picture = Image.new("RGB", (COLUMNS * step + GAP, rows * step + GAP), PAPER)
    for number, (image, place) in enumerate(zip(samples(cells), places(step), strict=False)):
        assert image.size == (CELL, CELL), cells[number]
        picture.paste(image, place)
    return picture


def samples(cells: list[str]) -> Iterator[Image.Image]:
    for seed, overrides in enumerate(cells):
        common = [f"canvas.size=[{CELL},{CELL}]", f"seed={seed}"]
        generator = Generator.from_config([*overrides.split(" "), *common])
        yield Image.fromarray(np.ascontiguousarray(generator[0].image))


def places(step: int) -> Iterator[tuple[int, int]]:
    number = 0
    while True:
        row, column = divmod(number, COLUMNS)
        yield GAP + column * step, GAP + row * step
        number += 1


def shrink(picture: Path) -> None:
    """Store a picture with at most 256 colours: a third of the size, and nobody sees it."""
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(
            256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
        )
    small.save(picture, format="PNG", optimize=True)


if __name__ == "__main__":
    main()
