"""A warehouse of before holds the names that partners gave to files; the migration leaves none, and no row loses its file."""

from __future__ import annotations

import importlib
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text

from meal_pipelines.warehouse import Warehouse

MIGRATION = "meal_pipelines.warehouse.migrations.versions.0017_names_of_files"
OLD = [
    "insert into raw.load (load_id, project, form, source, mode, state, message) overriding system value"
    " values (-1, 'avant', 'registre', 'workbook', 'sweep', 'done', '2 de Wexqubado.xlsx')",
    "insert into raw.file (project, form, file, digest, bytes, modified_at, rows, state, notes, load_id) values"
    " ('avant', 'registre', 'Wexqubado #2.XLSX', 'a', 1, now(), 1, 'read', '[\"colonnes inconnues : Wexqubado\"]', -1),"
    " ('avant', 'registre', 'Wexqubado.csv', 'b', 1, now(), 1, 'read', '[]', -1)",
    "insert into raw.submission (project, form, submission_id, version, instance_id, state, payload, load_id) values"
    " ('avant', 'registre', 'S-1', 1, 'Wexqubado #2.XLSX#7', 'present', '', -1),"
    " ('avant', 'registre', 'S-2', 1, 'Wexqubado.csv#12', 'present', '', -1),"
    " ('avant', 'serveur', 'S-3', 1, 'uuid:12', 'present', '', -1)",
    "insert into quality.unknown_question (project, form, question, first_load_id) values"
    " ('avant', 'registre', 'Vu par Wexqubado', -1), ('avant', 'serveur', 'une_question', -1)",
]


def test_names_of_files_received_before_are_replaced_everywhere(warehouse: Warehouse) -> None:
    with warehouse.engine().connect() as connection:
        for statement in OLD:
            connection.execute(text(statement.replace(":", "\\:")))
        with Operations.context(MigrationContext.configure(connection)):
            importlib.import_module(MIGRATION).upgrade()
        files = dict(_all(connection, "select digest, file from raw.file where project = 'avant'"))
        rows = dict(_all(connection, "select submission_id, instance_id from raw.submission where project = 'avant'"))
        said = str(_all(connection, "select f::text, l.message from raw.file f join raw.load l using (load_id)"))
        questions = _all(connection, "select form, question from quality.unknown_question where project = 'avant'")
        connection.rollback()
    assert rows == {"S-1": f"{files['a']}#7", "S-2": f"{files['b']}#12", "S-3": "uuid:12"}
    assert files["a"].startswith("fichier-") and files["a"].endswith(".xlsx") and files["b"].endswith(".csv")
    assert "Wexqu" not in said + str(files) + str(questions)
    assert ("serveur", "une_question") in questions and len(questions) == 2


def _all(connection: Connection, statement: str) -> Any:
    return [tuple(row) for row in connection.execute(text(statement))]
