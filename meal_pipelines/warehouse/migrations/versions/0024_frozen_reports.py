"""Reported figures: what was handed over, with the definitions and the records that explain it; nothing there changes."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0024"
down_revision = "0023"

FROZEN = ("freeze", "reported", "reported_definition", "reported_model", "reported_record", "reported_removal")


def upgrade() -> None:
    as_owner()
    _freezes()
    _reported()
    _definitions()
    _records()
    _restatements()
    _close()
    _cut_loose()


def _freezes() -> None:
    run("""
        create table indicators.freeze (
          freeze_id bigint generated always as identity primary key,
          project text not null,
          period_kind text not null check (
            period_kind in ('month', 'quarter', 'semester', 'year', 'project_year')
          ),
          period text not null,
          period_end date not null,
          version int not null check (version >= 1),
          label text not null check (btrim(label) <> ''),
          frozen_by text not null check (btrim(frozen_by) <> ''),
          reason text not null default '' check (version = 1 or btrim(reason) <> ''),
          frozen_at timestamptz not null default now(),
          cutoff date not null,
          starts_on date not null,
          ends_on date not null,
          code_version text not null,
          logframe_version text not null,
          illustrative boolean not null,
          inputs jsonb not null,
          values_hash text not null,
          definitions_hash text not null,
          reference_hash text not null,
          unique (project, period, version)
        )
    """)
    describe(
        "indicators.freeze",
        "Une ligne par rapport figé : ce qui a été remis, par qui, avec quoi. Figer de nouveau la même période est une nouvelle "
        "version ; rien n'y est jamais modifié.",
        period="période du rapport, par exemple 2028-S2",
        period_end="dernier jour du rapport, dans le projet",
        version="1 pour le premier gel de cette période",
        label="nom du rapport remis",
        frozen_by="nom de la personne qui a figé",
        reason="pourquoi la période est figée de nouveau",
        cutoff="jour de la dernière soumission reçue alors",
        code_version="version du programme, et empreinte du code et du SQL qui font les chiffres",
        inputs="tables lues : colonnes gardées, dernière collecte prise en compte, nombre de lignes",
        values_hash="empreinte SHA-256 des valeurs",
        definitions_hash="empreinte SHA-256 des définitions et des modèles",
        reference_hash="empreinte SHA-256 des données de référence",
    )


def _reported() -> None:
    run("""
        create table indicators.reported (
          freeze_id bigint not null references indicators.freeze,
          project text not null,
          indicator text not null,
          period_kind text not null,
          period text not null,
          period_start date,
          period_end date,
          disaggregation jsonb not null,
          numerator numeric,
          denominator numeric,
          value numeric,
          units bigint,
          ci_low numeric,
          ci_high numeric,
          computed_at timestamptz not null,
          primary key (freeze_id, indicator, period_kind, period, disaggregation)
        )
    """)
    describe(
        "indicators.reported",
        "Les valeurs telles qu'elles ont été figées : toutes les périodes finies au dernier jour du rapport.",
        ci_low="borne basse de l'intervalle de confiance à 95 %",
        ci_high="borne haute de l'intervalle de confiance à 95 %",
    )


def _definitions() -> None:
    run("""
        create table indicators.reported_definition (
          freeze_id bigint not null references indicators.freeze,
          project text not null,
          indicator text not null,
          position int not null,
          label text not null,
          unit text not null,
          entry jsonb not null,
          formula_sql text not null,
          primary key (freeze_id, indicator)
        )
    """)
    describe(
        "indicators.reported_definition",
        "Chaque indicateur tel qu'il était défini quand le rapport a été figé.",
        entry="l'entrée du cadre logique, entière",
        formula_sql="la requête qui redonne les valeurs figées à partir des lignes gardées",
    )
    run("""
        create table indicators.reported_model (
          freeze_id bigint not null references indicators.freeze,
          project text not null,
          position int not null,
          mart text not null,
          columns jsonb not null,
          sql text not null,
          primary key (freeze_id, mart)
        )
    """)
    describe(
        "indicators.reported_model",
        "Les tables d'analyse que lisent ces indicateurs : leur requête et leurs colonnes d'alors.",
        position="ordre dans lequel elles se construisent",
        sql="requête, telle qu'elle lisait les tables gardées dans indicators.reported_record",
    )


def _records() -> None:
    run("""
        create table indicators.reported_record (
          record_id bigint generated always as identity primary key,
          freeze_id bigint not null references indicators.freeze,
          project text not null,
          table_name text not null,
          submission_id text not null default '',
          repeat_index int not null default 0,
          version int,
          is_corrected boolean not null default false,
          answers jsonb not null
        )
    """)
    run("create index on indicators.reported_record (project, table_name, submission_id)")
    describe(
        "indicators.reported_record",
        "Les lignes qui font les valeurs figées : pseudonymes, et seulement les colonnes que les indicateurs lisent. Une ligne "
        "qui n'a pas changé d'un gel au suivant n'y est qu'une fois.",
        freeze_id="gel où cette ligne apparaît ; elle vaut pour les suivants, jusqu'à indicators.reported_removal",
        table_name="table d'où vient la ligne : pseudonymised.… ou une table de référence",
        submission_id="vide pour une ligne de référence",
        version="version de la soumission",
        is_corrected="le journal de nettoyage s'applique à cette soumission",
        answers="colonne → valeur ; les colonnes vides n'y sont pas",
    )
    run("""
        create table indicators.reported_removal (
          freeze_id bigint not null references indicators.freeze,
          project text not null,
          record_id bigint not null references indicators.reported_record,
          primary key (record_id)
        )
    """)
    run("create index on indicators.reported_removal (project, freeze_id)")
    describe(
        "indicators.reported_removal",
        "Les lignes gardées d'un gel précédent qui ne valent plus à partir de celui-ci.",
    )


def _restatements() -> None:
    run("""
        create table indicators.restatement (
          restatement_id bigint generated always as identity primary key,
          project text not null,
          freeze_id bigint not null references indicators.freeze,
          indicator text not null,
          period_kind text not null,
          period text not null,
          disaggregation jsonb not null,
          reported numeric,
          value_now numeric,
          difference numeric not null,
          causes jsonb not null,
          reason text not null check (btrim(reason) <> ''),
          approved_by text not null check (btrim(approved_by) <> ''),
          told_on date,
          recorded_by text not null check (btrim(recorded_by) <> ''),
          recorded_at timestamptz not null default now()
        )
    """)
    run("create index on indicators.restatement (project, freeze_id, indicator)")
    describe(
        "indicators.restatement",
        "Les écarts avec un rapport remis, tels qu'ils ont été expliqués : une ligne par cellule et par explication. Rien n'y est "
        "modifié : une explication nouvelle est une ligne nouvelle.",
        reported="valeur remise ; vide : non mesurée",
        value_now="valeur le jour de l'explication",
        difference="value_now moins reported, une valeur vide comptant pour 0",
        causes="cause → part de la différence ; leur somme est la différence",
        reason="explication donnée",
        approved_by="qui l'a approuvée",
        told_on="jour où le bailleur en a été informé ; vide : pas encore",
    )


def _close() -> None:
    run("""
        create function indicators.refuse_change() returns trigger language plpgsql as $$
        begin
          raise exception 'un rapport figé ne se modifie pas : figez de nouveau la période, ce sera une nouvelle version'
            using errcode = 'restrict_violation', schema = tg_table_schema, table = tg_table_name;
        end
        $$
    """)
    for table in (*FROZEN, "restatement"):
        changed = "delete" if table == "reported_record" else "update or delete"
        run(f"create trigger never_changed before {changed} on indicators.{table} for each row "
            "execute function indicators.refuse_change()")  # fmt: skip
        run(f"create trigger never_emptied before truncate on indicators.{table} "
            "execute function indicators.refuse_change()")  # fmt: skip


def _cut_loose() -> None:
    """The one change that frozen records allow: whoever is erased becomes somebody that nobody knows, in all of them."""
    run("""
        create function indicators.only_cut_loose() returns trigger language plpgsql as $$
        declare
          name text;
        begin
          if (new.record_id, new.freeze_id, new.project, new.table_name, new.repeat_index, new.version, new.is_corrected)
            is distinct from
            (old.record_id, old.freeze_id, old.project, old.table_name, old.repeat_index, old.version, old.is_corrected)
            or new.answers - array['person_id', 'card_id', 'duplicate_key']
              is distinct from old.answers - array['person_id', 'card_id', 'duplicate_key']
            or new.submission_id is distinct from old.submission_id and new.submission_id !~ '^anonyme-[0-9a-f]{24,32}$'
          then
            raise exception 'une ligne figée ne se modifie pas' using errcode = 'restrict_violation',
              schema = tg_table_schema, table = tg_table_name;
          end if;
          foreach name in array array['person_id', 'card_id', 'duplicate_key'] loop
            if new.answers ->> name is distinct from old.answers ->> name
              and coalesce(new.answers ->> name, '') !~ '^anonyme-[0-9a-f]{32}$'
            then
              raise exception 'une ligne figée ne se modifie pas' using errcode = 'restrict_violation',
                schema = tg_table_schema, table = tg_table_name;
            end if;
          end loop;
          return new;
        end
        $$
    """)
    run("""
        create trigger only_cut_loose before update on indicators.reported_record
        for each row execute function indicators.only_cut_loose()
    """)
    run("""
        create function indicators.cut_loose(
          of_project text, of_tables text[], of_submissions text[], of_persons text[]
        ) returns bigint language sql as $$
          with mine as materialized (
            select answers, submission_id from indicators.reported_record
            where project = of_project and table_name = any(of_tables) and submission_id = any(of_submissions)
          ),
          renamed_submission as materialized (
            select submission_id, 'anonyme-' || replace(gen_random_uuid()::text, '-', '') as anonymous
            from (select distinct submission_id from mine) as each_one
          ),
          -- One new name for each old one, in every table and every freeze: who was one person stays one.
          renamed as materialized (
            select old_name, 'anonyme-' || replace(gen_random_uuid()::text, '-', '') as anonymous
            from (
              select unnest(of_persons) as old_name
              union select answers ->> 'person_id' from mine
              union select answers ->> 'card_id' from mine
              union select answers ->> 'duplicate_key' from mine
            ) as each_one
            where old_name is not null and old_name not like 'anonyme-%'
          ),
          changed as (
            update indicators.reported_record as r
            set
              submission_id = coalesce(s.anonymous, r.submission_id),
              answers = r.answers || jsonb_strip_nulls(jsonb_build_object(
                'person_id', p.anonymous, 'card_id', c.anonymous, 'duplicate_key', d.anonymous
              ))
            from indicators.reported_record as each_record
            left join renamed as p on p.old_name = each_record.answers ->> 'person_id'
            left join renamed as c on c.old_name = each_record.answers ->> 'card_id'
            left join renamed as d on d.old_name = each_record.answers ->> 'duplicate_key'
            left join renamed_submission as s
              on s.submission_id = each_record.submission_id and each_record.table_name = any(of_tables)
            where each_record.project = of_project and each_record.record_id = r.record_id
              and coalesce(p.anonymous, c.anonymous, d.anonymous, s.anonymous) is not null
            returning 1
          )
          select count(*) from changed
        $$
    """)
    run("revoke execute on function indicators.cut_loose(text, text[], text[], text[]) from public")
