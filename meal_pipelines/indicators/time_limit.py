"""How long a query of the project's own may run: it is somebody's SQL, and a recursive one may never end.

What such a query may read and call is `query_file.py`'s business.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2 import errorcodes, extensions

from meal_pipelines.errors import ConfigurationError


@contextmanager
def within(cursor: extensions.cursor, seconds: int, place: str) -> Iterator[None]:
    """Let no statement run longer than so many seconds; the limit that stood before stands again afterwards.

    place: file, line and code, as a message names them.
    Raises: ConfigurationError, when the limit was reached; the transaction can then only be rolled back.
    """
    cursor.execute("select current_setting('statement_timeout')")
    (before,) = cursor.fetchone() or ("0",)
    cursor.execute("select set_config('statement_timeout', %s, true)", (f"{seconds}s",))
    started = time.monotonic()
    try:
        yield
    except psycopg2.Error as error:
        # Somebody who stops a statement by hand gives the same code, in a language that the server chooses.
        if error.pgcode != errorcodes.QUERY_CANCELED or time.monotonic() - started < seconds:
            raise
        raise ConfigurationError(
            f"{place} : la requête n'avait pas fini au bout de {seconds} s et a été arrêtée. Les valeurs d'avant restent en place. "
            "Une requête récursive s'arrête-t-elle ? Simplifiez-la, ou donnez-lui plus de temps : « max_seconds » dans « measure »."
        ) from None
    cursor.execute("select set_config('statement_timeout', %s, true)", (before,))
