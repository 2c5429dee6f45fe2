"""Where licences can be read, by the identifiers of the Hugging Face hub."""

from __future__ import annotations

import re

_CREATIVE_COMMONS = "https://creativecommons.org"
#: Identifier of the hub -> that of SPDX, for those that are no Creative Commons licence.
_SPDX = {
    "apache-2.0": "Apache-2.0",
    "bsd-2-clause": "BSD-2-Clause",
    "bsd-3-clause": "BSD-3-Clause",
    "cdla-permissive-2.0": "CDLA-Permissive-2.0",
    "cdla-sharing-1.0": "CDLA-Sharing-1.0",
    "mit": "MIT",
    "odbl": "ODbL-1.0",
    "odc-by": "ODC-By-1.0",
    "pddl": "PDDL-1.0",
    "unlicense": "Unlicense",
}


def license_url(name: str) -> str | None:
    """The page of a licence; None for one that is not known here."""
    if name == "cc0-1.0":
        return f"{_CREATIVE_COMMONS}/publicdomain/zero/1.0/"
    if match := re.fullmatch(r"cc-(by(?:-nc)?(?:-nd|-sa)?)-(2\.0|2\.5|3\.0|4\.0)", name):
        return f"{_CREATIVE_COMMONS}/licenses/{match[1]}/{match[2]}/"
    return f"https://spdx.org/licenses/{_SPDX[name]}.html" if name in _SPDX else None
