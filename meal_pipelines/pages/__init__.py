"""The page of each indicator (« fiche indicateur »), for the project's own team: definition, origin, history, quality, reports.

Reads what was published; nothing here measures, and nothing here knows Dagster. Exact figures are shown, so the pages lie
in the folder of what is not sent.
"""

from meal_pipelines.pages.write import page_of, write_pages

__all__ = ["page_of", "write_pages"]
