"""From a composed config to one that asks nobody: its vocabularies are words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def settled(node: Mapping[str, Any]) -> dict[str, Any]:
    """A composed config in which what a model is to choose is the words that it chose.

    For who has composed it, and only once: a frozen config holds what the model said.

    Raises
    ------
    ConfigError
        If there is a fault in what is asked for, or the model gives no answer.
    """
    return {key: _settled(value, key, node) for key, value in node.items()}


def _settled(node: Any, key: str, composed: Mapping[str, Any]) -> Any:
    if not isinstance(node, dict):
        return node
    done = {k: _settled(v, f"{key}.{k}", composed) for k, v in node.items()}
    vocabulary = done.get("vocabulary")
    if vocabulary == "themed" or (isinstance(vocabulary, dict) and "themes" in vocabulary):
        from synthdata.vocabularies.themes import chosen

        done["vocabulary"] = chosen(vocabulary, composed.get("services"), f"{key}.vocabulary")
    return done
