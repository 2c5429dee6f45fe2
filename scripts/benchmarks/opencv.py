"""What a good engineer writes by hand: joblib over chunks, and OpenCV for lines and files."""

from __future__ import annotations

from pathlib import Path

from benchmarks.lines import SIZE, random_lines

SHIFT = 4  # cv2.line takes whole numbers of 1/16 pixel


def run(folder: Path, images: int, workers: int, suffix: str) -> None:
    """Write ``images`` pictures into ``folder``."""
    from joblib import Parallel, delayed

    chunk = max(1, images // (8 * workers))
    starts = range(0, images, chunk)
    Parallel(n_jobs=workers, batch_size=1)(
        delayed(_draw_chunk)(str(folder), start, min(start + chunk, images), suffix)
        for start in starts
    )


def _draw_chunk(folder: str, start: int, stop: int, suffix: str) -> None:
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    options = [cv2.IMWRITE_JPEG_QUALITY, 90] if suffix == ".jpg" else []
    scale = 1 << SHIFT
    for index in range(start, stop):
        image = np.full((SIZE, SIZE, 3), 255, dtype=np.uint8)
        for x0, y0, x1, y1, width, (red, green, blue) in random_lines(index):
            cv2.line(
                image,
                (round(x0 * scale), round(y0 * scale)),
                (round(x1 * scale), round(y1 * scale)),
                (255 * blue, 255 * green, 255 * red),
                round(width),
                cv2.LINE_AA,
                SHIFT,
            )
        cv2.imwrite(f"{folder}/{index:09d}{suffix}", image, options)
