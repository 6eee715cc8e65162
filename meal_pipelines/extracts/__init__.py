"""What is handed on: OPSYS, THEMA and the tracking workbook, as tables and as files.

Figures come from `indicators`; nothing here measures again, and nothing here knows Dagster.
"""

from meal_pipelines.extracts.extract import Check, Extract
from meal_pipelines.extracts.opsys import write_opsys
from meal_pipelines.extracts.thema import write_thema
from meal_pipelines.extracts.tracking import write_tracking

__all__ = ["Check", "Extract", "write_opsys", "write_thema", "write_tracking"]
