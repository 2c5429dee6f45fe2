"""``synthdata cache``: what is in the shared cache of replies, out of it and into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from synthdata.cli.parsing import parser_of
from synthdata.errors import ConfigError


def cache(arguments: Sequence[str]) -> int:
    """Tell what the shared cache of model replies holds; export it to a file, or import one."""
    parser = parser_of("cache", cache)
    parser.add_argument("action", choices=("show", "export", "import"), help="what to do")
    parser.add_argument("file", nargs="?", help="a .csv, .parquet or .jsonl file")
    parser.add_argument(
        "overrides", nargs="*", default=[], metavar="key=value", help="as in services.path=..."
    )
    flags = parser.parse_args(arguments)
    from synthdata.compose import compose
    from synthdata.config import Config
    from synthdata.services import OpenAI, tables

    overrides = [a for a in (flags.file, *flags.overrides) if a is not None and "=" in a]
    file = None if flags.file in overrides else flags.file
    if (flags.action == "show") != (file is None):
        raise ConfigError(f"cache {flags.action}: takes {'no' if file else 'a'} file")
    service = Config.from_mapping(
        compose(["services=openai", *overrides], typed=Config.typed)
    ).services
    assert isinstance(service, OpenAI)
    if file is not None and flags.action == "import":
        tables.check(Path(file))
    kept = service.open_cache(new=flags.action == "import")
    try:
        if file is None:
            for name, value in kept.statistics().items():
                print(f"{name:<8} {value:,.0f}")
        elif flags.action == "export":
            print(f"{tables.export(kept, Path(file)):,} replies in {file}")
        else:
            print(f"{tables.import_rows(kept, Path(file)):,} new replies from {file}")
    finally:
        kept.close()
    return 0
