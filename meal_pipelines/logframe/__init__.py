"""The logframe as a workbook that an officer edits, and back into `logframe.yaml` without touching what did not change.

What a logframe means is `project/logframe.py`'s business; nothing here measures anything.
"""

from meal_pipelines.logframe.apply import Changed, changed_text
from meal_pipelines.logframe.export import export_logframe
from meal_pipelines.logframe.read import Change, read_changes

__all__ = ["Change", "Changed", "changed_text", "export_logframe", "read_changes"]
