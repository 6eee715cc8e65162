"""Which server a form is collected from: one name, the same for every project that collects from it.

By that name runs take turns (a Dagster pool, a lock of the warehouse). It is shown to people, and holds neither a secret
nor the path of a folder. How a server is read is in `sources.py`.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

from meal_pipelines.errors import ConfigurationError
from meal_pipelines.project.load import expand
from meal_pipelines.project.loaded import LoadedForm, LoadedProject
from meal_pipelines.settings import Settings

DEMONSTRATION = "demonstration"


def server_name(settings: Settings, project: LoadedProject, form: LoadedForm) -> str:
    """`kobo_kf.kobotoolbox.org`, `odk_central.example.org`, `s3_bucket`, `dossier_5f0c3a1b`.

    A source whose variables are not set has the name of the variable: nothing can be collected from it yet.
    """
    if settings.demo:
        return DEMONSTRATION
    server = project.project.sources[form.form.source.use]
    declared = str(server.url if server.kind in ("kobo", "odk") else server.path)
    try:
        address = expand(declared, settings.variables, "")
    except ConfigurationError:
        return f"{server.kind}_{'_'.join(re.findall(r'[A-Za-z0-9]+', declared)).lower()}"
    if server.kind in ("kobo", "odk"):
        return f"{server.kind}_{_host(address)}"
    if "://" in address:
        return f"{urlsplit(address).scheme}_{_host(address)}"
    return f"dossier_{_digest(str((project.folder / Path(address)).resolve()))}"


def _host(address: str) -> str:
    """Host and port of an address, never its user; a digest when there is none to be read."""
    try:
        host = urlsplit(address).netloc.rpartition("@")[2].lower()
    except ValueError:
        host = ""
    return host if re.fullmatch(r"[\w.:\[\]-]+", host) else _digest(address)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
