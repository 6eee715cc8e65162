"""A cleaning log that corrects some of the planted defects, and one line that must be refused."""

from __future__ import annotations

import csv
from pathlib import Path

from meal_pipelines.project.questionnaire import MAIN
from meal_pipelines.sample.defects import Defect

HEADER = ["submission_id", "repeat", "repeat_index", "question", "old_value", "new_value", "issue", "author"]
MOST = {False: 3, True: 2}
"""Lines set right in a form: among its own answers, and among those of its repeats."""


class Corrections:
    """The lines of one form: the first defects met that are not personal, set right."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w", encoding="utf-8", newline="")
        self._lines = csv.writer(self._file)
        self._lines.writerow(HEADER)
        self.applied = self.refused = 0
        self._left = dict(MOST)

    def offer(self, submission: str, defect: Defect) -> bool:
        """Whether this defect is corrected by the log; the first one that is not gives the line to refuse."""
        in_repeat = defect.table != MAIN
        is_right = self._left[in_repeat] > 0
        if defect.is_personal or defect.written is None or not (is_right or self.refused == 0):
            return False
        self._left[in_repeat] -= 1
        old = defect.written if is_right else f"{defect.written} (autre)"
        issue = "faute de frappe confirmée par l'équipe" if is_right else "l'ancienne valeur ne correspond pas"
        where = [submission, defect.table, defect.repeat_index, defect.question]
        self._lines.writerow([*where, old, defect.true, issue, "team:sera"])
        self.applied += is_right
        self.refused += not is_right
        return is_right

    def close(self) -> None:
        self._file.close()
