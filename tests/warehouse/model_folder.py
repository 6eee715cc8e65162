"""A small `dbt_like_sql/` folder for the tests of the models; tests change one file of it and look what happens."""

from __future__ import annotations

from pathlib import Path

from meal_pipelines.warehouse.tables import Column, TableSpec

VISITS = TableSpec(
    "pseudonymised",
    "alpha_visits",
    "Visites. Une ligne par soumission.",
    (
        Column("submission_id", "text", "Soumission"),
        Column("person_id", "text", "Pseudonyme", "pseudonym"),
        Column("place", "text", "Lieu"),
        Column("topics", "text[]", "Sujets"),
        Column("seen_on", "date", "Jour"),
    ),
    (),
)

STAGING = """-- Visites reçues : « alpha » seulement, l'été comme l'hiver.
with

visits as (

    select submission_id, person_id, place, topics, seen_on
    from pseudonymised.alpha_visits

)

select
    cast('alpha' as text) as project,
    person_id,
    cast(place as text) as place_code,
    topics,
    seen_on
from visits
"""

BETA = """select
    cast('beta' as text) as project,
    person_id,
    place as place_code,
    topics,
    seen_on
from pseudonymised.beta_visits
"""

VISITOR = """-- Visiteurs des deux projets.
with

alpha as (

    select project, person_id, place_code, seen_on
    from staging.alpha_visit

),

beta as (

    select b.project, b.person_id, b.place_code, b.seen_on
    from staging.beta_visit as b

),

visits as (

    select * from alpha
    union all
    select * from beta

),

ranked as (

    select
        *,
        min(seen_on) over (partition by project, person_id) as first_seen_on,
        row_number() over (partition by project, person_id order by seen_on) as visit
    from visits

),

final as (

    select
        ranked.project,
        ranked.person_id,
        -- what the partner typed, where the code is not one of ours
        coalesce(place.name_fr, ranked.place_code) as place_name,
        ranked.first_seen_on
    from ranked
    left join marts.place
        on ranked.place_code = place.code
    where ranked.visit = 1

)

select * from final;
"""

VISIT_COUNT = """with

counted as (

    select
        v.project,
        v.person_id,
        (select max(o.place_name) from marts.visitor as o where o.person_id = v.person_id) as place_name,
        count(distinct topic.value) as answers
    from staging.alpha_visit as v
    cross join unnest(v.topics) as topic (value)
    group by v.project, v.person_id

)

select * from counted
"""

TEXT, DATE, WHOLE, MANY = "text", "date", "bigint", "text[]"
VISIT_COLUMNS = {"project": TEXT, "person_id": TEXT, "place_code": TEXT, "topics": MANY, "seen_on": DATE}
PLACE_COLUMNS = {"code": TEXT, "name_fr": TEXT, "population": "integer"}


def model(name: str, description: str, columns: dict[str, str], **meta: str) -> str:
    """One entry of a schema.yml, as dbt writes it."""
    lines = [f"  - name: {name}", f"    description: {description}", "    meta:", "      owner: team:sera"]
    lines += [f"      {key}: {value}" for key, value in meta.items()]
    lines += ["    columns:"]
    for column, kind in columns.items():
        lines += [f"      - name: {column}", f"        data_type: {kind}", f"        description: Colonne {column}"]
        lines += ["        meta: {privacy: open}"]
    return "\n".join(lines) + "\n"


FILES = {
    "staging/alpha_visit.sql": STAGING,
    "staging/beta_visit.sql": BETA,
    "staging/schema_alpha.yml": "version: 2\nmodels:\n"
    + model("alpha_visit", "Visites. Une ligne par visite.", VISIT_COLUMNS, project="alpha"),
    "staging/schema_beta.yml": "version: 2\nmodels:\n"
    + model("beta_visit", "Visites. Une ligne par visite.", VISIT_COLUMNS, project="beta"),
    "marts/visitor.sql": VISITOR,
    "marts/visit_count.sql": VISIT_COUNT,
    "marts/schema.yml": "version: 2\nmodels:\n"
    + model(
        "visit_count",
        "Réponses. Une ligne par personne.",
        {"project": TEXT, "person_id": TEXT, "place_name": TEXT, "answers": WHOLE},
    )
    + model(
        "visitor",
        "Visiteurs. Une ligne par personne.",
        {"project": TEXT, "person_id": TEXT, "place_name": TEXT, "first_seen_on": DATE},
        key="[project, person_id]",
    ),
    "seeds/place.csv": "code,name_fr,population\n02,Oriental,2294665\n09,Souss-Massa,\n",
    "seeds/schema.yml": "version: 2\nseeds:\n"
    + model(
        "place", "Lieux. Une ligne par lieu.", {"code": TEXT, "name_fr": TEXT, "population": "integer"}, key="[code]"
    ),
}


def write_folder(folder: Path, **changed: str | None) -> Path:
    """Write the folder. changed: other contents by path, `/` and `.` written `__` and `_`; None: no such file."""
    for path, usual in FILES.items():
        content = changed.get(path.replace("/", "__").replace(".", "_"), usual)
        if content is not None:
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
    return folder
