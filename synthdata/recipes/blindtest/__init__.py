"""The seven tasks of "Vision language models are blind" (Rahmanzadehgervi et al., 2024).

Factors are those of the released pictures, and sizes those of the notebooks in
github.com/anguyen8/vision-llms-are-blind, turned from points of a matplotlib figure into pixels.
Questions are worded anew.
"""
