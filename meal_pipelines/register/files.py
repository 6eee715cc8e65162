"""Which documents are written, and where: the register of all projects, and a folder of documents for each.

What stands in a document is its own module's business.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.register.facts import treatments

REGISTER = "registre_des_traitements.xlsx"
FOLDER = "protection_des_donnees"


def write_register(projects: Sequence[LoadedProject], folder: Path, day: dt.date) -> Path:
    """Write the register of these projects in a folder, made when missing. Returns its path."""
    from meal_pipelines.register import workbook

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REGISTER
    workbook.write(projects, path, day)
    return path


def write_documents(project: LoadedProject, folder: Path, day: dt.date) -> list[Path]:
    """Write a project's register, declaration, impact assessment and notices under `folder/<project>`. Returns their paths.

    A form in which nobody is named has no notice.
    """
    from meal_pipelines.register import assessment, declaration, notices

    place = folder / project.id / FOLDER
    written = [write_register([project], place, day)]
    for name, write in (("declaration_cndp.docx", declaration.write), ("analyse_d_impact.docx", assessment.write)):
        write(project, place / name, day)
        written.append(place / name)
    for treatment in treatments(project):
        if treatment.concerns_people:
            path = place / f"notice_{treatment.form.name}.docx"
            notices.write(treatment, path)
            written.append(path)
    return written
