"""FractalDB: a thousand pictures of each of many iterated function systems.

Kataoka et al., "Pre-training without natural images" (2020); all numbers are those of
github.com/hirokatsukataoka16/FractalDB-Pretrained-ResNet-PyTorch.
"""
