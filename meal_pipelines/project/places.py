"""Which lists of choices are places of the census: their codes tell.

Their other names and codes are in `collect/sheets/places.py`; the places themselves in the seeds of `dbt_like_sql/`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

CODE = re.compile(r"\d{2}\.\d{3}(?:\.\d{2}\.\d{1,2})?")
"""The HCP's codes of provinces and communes; a region's has two figures, as many a code that is no place's."""


def are_places(codes: Iterable[str]) -> bool:
    """Whether a list of choices is one of provinces or of communes."""
    return any(CODE.fullmatch(code) for code in codes)
