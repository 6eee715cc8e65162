"""What the marts about institutions and employers must hold, where no registered person is concerned.

Worked out from the truth as those of `expected_marts.py` are, and sharing no code with the SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from tests.end_to_end.truth import Answers, Truth

Record = dict[str, Any]


def joint_decision(truth: Truth) -> Iterator[Record]:
    """One row per decision; in time when executed on the day it was due, or before."""
    for one in truth.standing("decisions"):
        asked = one.answers
        due, done = _day(asked, "echeance"), _day(asked, "date_execution")
        yield {
            "decision_id": asked["numero_decision"],
            "submission_id": one.submission_id,
            "body": asked["instance"],
            "institution": asked["institution_chargee"],
            "status": asked["etat"],
            "is_in_time": asked["etat"] == "executee" and done is not None and due is not None and done <= due,
            "decided_on": _day(asked, "date_reunion"),
            "due_on": due,
            "executed_on": done,
        }


def _day(answers: Answers, name: str) -> dt.date | None:
    return dt.date.fromisoformat(answers[name]) if name in answers else None
