"""Database errors made fit to be read: what was refused and where, never a value.

PostgreSQL quotes the offending value in its messages (« Key (phone)=(…) already exists », « invalid input syntax for
type integer: "…" »), so no text of its own is passed on: only the code, its name and the names of things.
"""

from __future__ import annotations

import psycopg2
from psycopg2 import errorcodes

from meal_pipelines.errors import MealError, TransientError
from meal_pipelines.invocation import typed

TRANSIENT_CLASSES = ("08", "40", "53", "55", "57")
"""Connection lost, conflict between transactions, resources exhausted, object in use, interrupted by an operator."""

FRENCH = {
    "23502": "une colonne obligatoire est vide",
    "23503": "une ligne liée n'existe pas",
    "23505": "une ligne de même clé existe déjà",
    "23514": "une valeur est hors de celles permises",
    "40001": "deux opérations simultanées se contredisent",
    "40P01": "deux opérations simultanées s'attendent l'une l'autre",
    "42501": "ce rôle n'a pas le droit de le faire",
    "42703": "une colonne n'existe pas",
    "42P01": "une table n'existe pas",
    "53100": "le disque est plein",
    "57014": "la requête a été annulée",
}


def value_free(error: psycopg2.Error) -> MealError:
    """A MealError that says the SQLSTATE and the names of schema, table, column and constraint.

    Returns: a TransientError when a later try may succeed. Raise it `from None`. The original is given the same text,
    because it stays attached (`__context__`) to whatever is raised while it is handled.
    """
    text = _text(error)
    error.args = (text,)
    return TransientError(text) if _is_transient(error) else MealError(text)


def _text(error: psycopg2.Error) -> str:
    code = error.pgcode
    if code is None:
        if isinstance(error, psycopg2.OperationalError):
            return (
                f"La connexion à la base de données est perdue ou impossible. Relancez ; voyez aussi {typed('doctor')}."
            )
        return f"La base de données ne peut pas être utilisée ainsi ({type(error).__name__})."
    reason = FRENCH.get(code) or _english(code)
    diag = error.diag
    where = [
        f"{label} {name}"
        for label, name in (
            ("table", ".".join(part for part in (diag.schema_name, diag.table_name) if part)),
            ("colonne", diag.column_name),
            ("contrainte", diag.constraint_name),
        )
        if name
    ]
    place = f" ({', '.join(where)})" if where else ""
    return f"La base de données a refusé l'opération{place} : {reason} (SQLSTATE {code})."


def _is_transient(error: psycopg2.Error) -> bool:
    if error.pgcode is None:
        return isinstance(error, psycopg2.OperationalError)
    return error.pgcode.startswith(TRANSIENT_CLASSES)


def _english(code: str) -> str:
    """PostgreSQL's own name of a code we have no French for: `INVALID_TEXT_REPRESENTATION`."""
    try:
        return errorcodes.lookup(code).lower().replace("_", " ")
    except KeyError:
        return "raison inconnue"
