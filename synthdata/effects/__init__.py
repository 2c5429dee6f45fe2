"""What happens to the finished picture, the labels going along: the conf group ``effects``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.effects.base import Change, Effect
    from synthdata.effects.blur import Blur, MotionBlur
    from synthdata.effects.jpeg import Jpeg
    from synthdata.effects.noise import GaussianNoise, PoissonNoise, SaltPepper
    from synthdata.effects.paper import Paper
    from synthdata.effects.parametric import Parametric, limited
    from synthdata.effects.tone import Tone
    from synthdata.effects.warp import Affine, Perspective, Warp

__all__ = [
    "Affine",
    "Blur",
    "Change",
    "Effect",
    "GaussianNoise",
    "Jpeg",
    "MotionBlur",
    "Paper",
    "Parametric",
    "Perspective",
    "PoissonNoise",
    "SaltPepper",
    "Tone",
    "Warp",
    "limited",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Affine": "warp",
        "Blur": "blur",
        "Change": "base",
        "Effect": "base",
        "GaussianNoise": "noise",
        "Jpeg": "jpeg",
        "MotionBlur": "blur",
        "Paper": "paper",
        "Parametric": "parametric",
        "Perspective": "warp",
        "PoissonNoise": "noise",
        "SaltPepper": "noise",
        "Tone": "tone",
        "Warp": "warp",
        "limited": "parametric",
    },
)
