"""Numbers for categories, the same in all data sets."""

from __future__ import annotations

from collections.abc import Sequence

from synthdata.errors import ConfigError, nearest

#: The categories of synthdata's primitives; new ones come after these.
CATEGORIES = (
    *("arc", "arrow", "circle", "cross", "curve", "ellipse", "grid", "line"),
    *("polygon", "polyline", "rectangle", "text", "sprite", "cell"),
    *("chart", "bar", "point", "wedge", "box", "series", "legend", "fractal"),
)


def category_id(category: str, categories: Sequence[str], key: str) -> int:
    """The place of a category among ``categories``, from 1 on.

    Raises
    ------
    ConfigError
        If it is not among them.
    """
    try:
        return categories.index(category) + 1
    except ValueError:
        raise ConfigError(
            f"{key}: a mark is a {category!r}; {nearest(category, categories)}"
        ) from None
