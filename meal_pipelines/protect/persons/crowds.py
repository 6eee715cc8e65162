"""Keys that too many share to say anything of any of them: how many there are, never which.

What a key is stands in `project/links.py`; that they join nobody, in `linking.py`.
"""

from __future__ import annotations

from typing import Any

from meal_pipelines.project.links import CROWD


def crowded_keys(cursor: Any, project: str) -> int:
    """How many strong keys of a project more than `CROWD` pseudonyms share. Reads the whole vault of the project."""
    cursor.execute(CROWDED, {"project": project, "crowd": CROWD})
    return int(cursor.fetchone()[0])


CROWDED = """
    select count(*) from (
        select from vault.identity as i cross join unnest(i.strong) as k (key)
        where i.project = %(project)s and k.key is not null
        group by k.key having count(distinct i.person_id) > %(crowd)s
    ) as each_key
"""
