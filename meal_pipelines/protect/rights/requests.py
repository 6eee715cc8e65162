"""The register of what persons ask for: kind, dates, who answered, how it ended; never who asked.

The number is written on the paper request, which stays outside; what was done is in `audit.access`.
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import date
from typing import Literal

from meal_pipelines.errors import MealError
from meal_pipelines.invocation import typed
from meal_pipelines.warehouse.connection import Warehouse

Kind = Literal["export", "rectify", "erase", "restrict", "withdraw"]
KINDS: dict[str, str] = {
    "export": "accès", "rectify": "rectification", "erase": "effacement", "restrict": "limitation",
    "withdraw": "retrait du consentement",
}  # fmt: skip
STATES = {"open": "ouverte", "done": "satisfaite", "refused": "refusée"}


@dataclass(frozen=True)
class Request:
    """One request. due_on: one month after it was received."""

    request_id: int
    project: str
    kind: str
    received_on: date
    due_on: date
    state: str
    opened_by: str
    closed_by: str | None

    @property
    def is_late(self) -> bool:
        return self.state == "open" and self.due_on < date.today()


def open_request(warehouse: Warehouse, project: str, kind: Kind, received_on: date) -> Request:
    """Enter a request. Raises: MealError, when it would have been received in the future."""
    if received_on > date.today():
        raise MealError("Une demande ne peut pas avoir été reçue dans le futur. Corrigez la date.")
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(OPEN, (project, kind, received_on, received_on, getpass.getuser()))
        [made] = cursor.fetchall()
        return Request(*made)


def close_request(warehouse: Warehouse, number: int, *, is_refused: bool) -> None:
    """Say how a request ended. Raises: MealError, when no such request is open."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(CLOSE, ("refused" if is_refused else "done", getpass.getuser(), number))
        if cursor.rowcount == 0:
            raise MealError(f"Aucune demande ouverte n'a le numéro {number}. {typed('privacy requests')} les montre.")


def requests(warehouse: Warehouse, *, only_open: bool) -> list[Request]:
    """The requests, the most urgent first."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(LIST, (only_open,))
        return [Request(*row) for row in cursor.fetchall()]


COLUMNS = "request_id, project, kind, received_on, due_on, state, opened_by, closed_by"
OPEN = f"""
    insert into audit.request (project, kind, received_on, due_on, opened_by)
    values (%s, %s, %s, %s::date + interval '1 month', %s) returning {COLUMNS}
"""
CLOSE = """
    update audit.request set state = %s, closed_by = %s, closed_at = now() where request_id = %s and state = 'open'
"""
LIST = (
    f"select {COLUMNS} from audit.request where state = 'open' or not %s order by state <> 'open', due_on, request_id"
)
