"""The files that submissions name (photos, sounds, documents): fetched, judged, sealed, counted, taken out, erased.

How a server gives them is in its own module (`kobo_files.py`, `odk.py`); how bytes are sealed, in `protect/keys/sealed_files.py`.
"""

from meal_pipelines.collect.attachments.erasure import Erased, erase, erase_named
from meal_pipelines.collect.attachments.fetch import Tally, fetch_files
from meal_pipelines.collect.attachments.limits import Limits, collects_files
from meal_pipelines.collect.attachments.store import FileStore

__all__ = ["Erased", "FileStore", "Limits", "Tally", "collects_files", "erase", "erase_named", "fetch_files"]
