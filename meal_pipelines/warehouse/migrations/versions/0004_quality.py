"""Rejections, the cleaning log, check results and what each published table was built from; never a value."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    as_owner()
    _rejections()
    _unknown_questions()
    _corrections()
    _builds()
    _checks()


def _rejections() -> None:
    run("""
        create table quality.rejection (
          rejection_id bigint generated always as identity primary key,
          project text not null,
          form text not null,
          submission_id text not null,
          repeat text not null default '',
          repeat_index int not null default 0,
          question text,
          rule text not null,
          message text not null,
          severity text not null check (severity in ('critical', 'warning')),
          load_id bigint,
          state text not null default 'open' check (state in ('open', 'resolved')),
          detected_at timestamptz not null default now()
        )
    """)
    run("create index on quality.rejection (project, form, submission_id)")
    describe(
        "quality.rejection",
        "Une ligne par règle qu'une réponse enfreint : à corriger à la source ou dans le journal de nettoyage.",
        repeat="groupe répété ; vide pour le formulaire lui-même",
        message="ce qui ne va pas, sans la valeur",
        severity="critical : la ligne est écartée ; warning : elle reste, à vérifier",
        state="open, ou resolved quand la règle est respectée",
    )


def _unknown_questions() -> None:
    run("""
        create table quality.unknown_question (
          project text not null,
          form text not null,
          question text not null,
          first_load_id bigint not null,
          primary key (project, form, question)
        )
    """)
    describe(
        "quality.unknown_question",
        "Une ligne par question reçue que le questionnaire du projet n'a pas : ses réponses restent scellées.",
        question="nom de la question dans les soumissions",
        first_load_id="chargement où elle est apparue",
    )


def _corrections() -> None:
    run("""
        create table quality.correction (
          project text not null,
          form text not null,
          submission_id text not null,
          repeat text not null default '',
          repeat_index int not null default 0,
          question text,
          action text not null,
          state text not null check (state in ('applied', 'refused')),
          reason text,
          author text,
          file text,
          line int,
          recorded_at timestamptz not null default now()
        )
    """)
    run("create index on quality.correction (project, form, submission_id)")
    describe(
        "quality.correction",
        "Le journal de nettoyage tel qu'il a été appliqué ou refusé, ligne par ligne, sans les valeurs.",
        file="classeur du journal de nettoyage",
        line="ligne dans ce classeur",
        reason="motif de la correction, ou du refus",
    )


def _builds() -> None:
    run("""
        create table quality.build (
          table_name text primary key check (table_name like '%.%'),
          stage text not null,
          project text,
          form text,
          fingerprint text,
          load_id bigint,
          build_no bigint not null default 1,
          rows bigint,
          built_at timestamptz not null default now(),
          run_id text
        )
    """)
    describe(
        "quality.build",
        "De quoi chaque table publiée a été faite, et quand.",
        table_name="schéma et table, par exemple marts.person",
        fingerprint="empreinte des entrées : questionnaire, règles, requête, clés",
        load_id="dernière collecte prise en compte",
        rows="nombre de lignes",
    )


def _checks() -> None:
    run("""
        create table quality.check_result (
          check_id bigint generated always as identity primary key,
          stage text not null,
          project text,
          form text,
          table_name text,
          check_name text not null,
          description text,
          severity text not null check (severity in ('critical', 'warning')),
          passed boolean,
          could_run boolean not null default true,
          failing_rows bigint,
          checked_rows bigint,
          evaluated_at timestamptz not null default now(),
          run_id text,
          is_current boolean not null default true
        )
    """)
    run("create index on quality.check_result (table_name, check_name) where is_current")
    run("create index on quality.check_result (table_name, evaluated_at)")
    describe(
        "quality.check_result",
        "Chaque contrôle, chaque fois qu'il a été fait, avec des nombres de lignes et jamais de valeurs.",
        could_run="faux : le contrôle n'a pas pu être fait ; ce n'est pas un jugement sur les données",
        is_current="vrai pour le dernier résultat de ce contrôle",
    )
