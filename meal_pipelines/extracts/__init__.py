"""What is handed on: OPSYS, IATI, the annual campaigns (THEMA, TEI, AFD) and the tracking workbook, as tables and as files.

Figures come from `indicators`; nothing here measures again, and nothing here knows Dagster.
"""

from meal_pipelines.extracts.campaigns.extract import write_afd, write_tei, write_thema
from meal_pipelines.extracts.extract import Check, Extract
from meal_pipelines.extracts.iati.extract import write_iati
from meal_pipelines.extracts.opsys.extract import write_opsys
from meal_pipelines.extracts.tracking.extract import write_tracking

__all__ = [
    "Check",
    "Extract",
    "write_afd",
    "write_iati",
    "write_opsys",
    "write_tei",
    "write_thema",
    "write_tracking",
]
