"""What happens to the finished picture, the labels going along: the conf group ``effects``."""

from typing import TYPE_CHECKING

from synthdata._lazy import lazy

if TYPE_CHECKING:
    from synthdata.effects.base import Change, Effect
    from synthdata.effects.blur import Blur, MotionBlur
    from synthdata.effects.camera import Camera
    from synthdata.effects.jpeg import Jpeg
    from synthdata.effects.lens import Lens
    from synthdata.effects.light import Light, Linear, Vignette, WhiteBalance
    from synthdata.effects.noise import GaussianNoise, PoissonNoise, SaltPepper
    from synthdata.effects.paper import Paper
    from synthdata.effects.parametric import Parametric, limited
    from synthdata.effects.sensor import Sensor
    from synthdata.effects.sharpen import Sharpen
    from synthdata.effects.tone import Tone
    from synthdata.effects.warp import Affine, Crop, Perspective, Warp

__all__ = [
    "Affine",
    "Blur",
    "Camera",
    "Change",
    "Crop",
    "Effect",
    "GaussianNoise",
    "Jpeg",
    "Lens",
    "Light",
    "Linear",
    "MotionBlur",
    "Paper",
    "Parametric",
    "Perspective",
    "PoissonNoise",
    "SaltPepper",
    "Sensor",
    "Sharpen",
    "Tone",
    "Vignette",
    "Warp",
    "WhiteBalance",
    "limited",
]

__getattr__, __dir__ = lazy(
    globals(),
    {
        "Affine": "warp",
        "Blur": "blur",
        "Camera": "camera",
        "Change": "base",
        "Crop": "warp",
        "Effect": "base",
        "GaussianNoise": "noise",
        "Jpeg": "jpeg",
        "Lens": "lens",
        "Light": "light",
        "Linear": "light",
        "MotionBlur": "blur",
        "Paper": "paper",
        "Parametric": "parametric",
        "Perspective": "warp",
        "PoissonNoise": "noise",
        "SaltPepper": "noise",
        "Sensor": "sensor",
        "Sharpen": "sharpen",
        "Tone": "tone",
        "Vignette": "light",
        "Warp": "warp",
        "WhiteBalance": "light",
        "limited": "parametric",
    },
)
