"""Tune two data parameters towards a target: the blur and the stroke width of lines.

    python scripts/tune_lines.py

A small network learns to count lines from synthetic pictures, and is to count them in others, whose
lines are thin and blurred. The study does not know that: it looks for the width and the blur whose
pictures teach it best. On pictures of the target that no trial was chosen by, the error of the best
trial must be at most ``MARGIN`` of that of the config as it is. Ends with exit code 1 if it is not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from synthdata.lab import Plan, Settings, Space, Study, Training

MARGIN = 0.5
CONFIG = (
    *("primitives=lines", "canvas.size=[48,48]", "canvas.mode=grey", "seed=0"),
    "primitives.lines.count={dist: int_uniform, low: 1, high: 6}",
    *(
        "primitives.lines.color=black",
        "primitives.lines.length={dist: uniform, low: 0.4, high: 0.8}",
    ),
    *("primitives.lines.x={dist: uniform, low: 0.3, high: 0.7}",),
    *("primitives.lines.y={dist: uniform, low: 0.3, high: 0.7}",),
)
TARGET = ("primitives.lines.width=1.5", "effects=blur", "effects.blur.sigma=1.5")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=16, help="(%(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="batches of a trial (%(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="trials at a time (%(default)s)")
    parser.add_argument("--study", help="the study's folder; one that is removed if not given")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            n_trials=options.trials,
            jobs=options.jobs,
            training=Training(target=TARGET, steps=options.steps),
        )
        study = Study(
            options.study or Path(folder) / "study", Plan(Space.load("lines"), settings, CONFIG)
        )
        study.run(lambda trial: print(trial.number, trial.values, trial.params, flush=True))
        best = study.best
        trials = study.trials
    assert best is not None
    before, after = (t.user_attrs["held_out"] for t in (trials[0], best))
    print(f"held out: off by {before:.2f} lines as it is, by {after:.2f} with {best.params}")
    return 0 if after <= MARGIN * before else 1


if __name__ == "__main__":
    sys.exit(main())
