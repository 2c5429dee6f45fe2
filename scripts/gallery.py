"""The gallery: docs/gallery.md, a page with a picture of every option that can be seen.

    python scripts/pictures.py        # makes the pictures, and this page

A picture's name follows from its option's, so an option has its place here as soon as a page's
commands make its picture.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "gallery.md"
COLUMNS = 3
#: Group -> heading, the page about it, and the names of its pictures.
GROUPS = {
    "primitives": ("Primitives", "primitives.md", "{}.png"),
    "style": ("Styles", "primitives.md", "style_{}.png"),
    "effects": ("Effects", "effects.md", "effect_{}.png"),
    "recipe": ("Recipes", "recipes.md", "recipe_{}.png"),
}
HEAD = """# Gallery

Every primitive, style, effect and recipe as it is shipped. The pages behind the headings show the
commands that make the pictures; `python scripts/pictures.py` runs them all, and writes this page.
"""


def page() -> str:
    """The whole page as Markdown, from conf/."""
    return "\n".join([HEAD, *(section(group) for group in GROUPS if options(group))])


def options(group: str) -> list[str]:
    """The options of a group that are shipped, as soon as there is a page about them."""
    if not (PAGE.parent / GROUPS[group][1]).exists():
        return []
    return sorted(file.stem for file in (ROOT / "conf" / group).glob("*.yaml"))


def section(group: str) -> str:
    """A heading and a table with a cell for each option."""
    heading, about, name = GROUPS[group]
    cells = [
        f"**`{group}={option}`** {comment(group, option)}<br>"
        f"![{option}](images/{name.format(option)})"
        for option in options(group)
    ]
    cells += [""] * (-len(cells) % COLUMNS)
    rows = [cells[k : k + COLUMNS] for k in range(0, len(cells), COLUMNS)]
    lines = ["| " * COLUMNS + "|", "| --- " * COLUMNS + "|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return f"## [{heading}]({about})\n\n" + "\n".join(lines) + "\n"


def comment(group: str, option: str) -> str:
    """What the option's file says of it in its first line."""
    lines = (ROOT / "conf" / group / f"{option}.yaml").read_text(encoding="utf-8").splitlines()
    found = [line[2:] for line in lines if line.startswith("# ") and "@package" not in line]
    return found[0].replace("|", "\\|")


def write() -> None:
    """Write the page where the docs have it."""
    PAGE.write_text(page(), encoding="utf-8")
