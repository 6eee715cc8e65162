"""What was erased and must not come back, whose data rest, and the requests of persons; nothing that says who."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    as_owner()
    _erased()
    _restrictions()
    _requests()
    _collection()


def _erased() -> None:
    run("""
        create table raw.erased (
          project text not null,
          form text not null,
          submission_key bytea not null,
          repeat text not null default '',
          position int not null default 0,
          rows int,
          signs bytea[] not null default '{}',
          mark text,
          is_at_source boolean not null default true,
          met_load_id bigint,
          why text not null check (why in ('request', 'withdrawal', 'retention')),
          erased_at timestamptz not null default now(),
          primary key (project, form, submission_key, repeat, position)
        )
    """)
    describe(
        "raw.erased",
        "Une ligne par soumission effacée, ou par personne effacée d'une soumission qui en concerne d'autres : la collecte les "
        "consulte pour ne rien faire revenir. Rien n'y dit de qui il s'agit.",
        submission_key="empreinte à clé de l'identifiant de la soumission",
        repeat="groupe répété d'où la personne a été retirée ; vide : la soumission entière",
        position="son rang dans ce groupe ; 0 : la soumission entière",
        rows="lignes que ce groupe avait alors",
        signs="empreintes à clé, propres à cette soumission, auxquelles la ligne se reconnaît si la source la redonne",
        mark="ce qui remplace ses réponses ; vide : la ligne est retirée",
        is_at_source="la source montre encore cette soumission : effacez-la aussi là-bas",
        met_load_id="dernière lecture complète qui l'a encore montrée",
        why="request (demande d'effacement), withdrawal (retrait du consentement) ou retention (échéance)",
    )


def _restrictions() -> None:
    run("""
        create table vault.restriction (
          project text not null,
          person_id text not null,
          since timestamptz not null default now(),
          primary key (project, person_id)
        )
    """)
    describe(
        "vault.restriction",
        "Les personnes dont les données sont gardées sans servir : ni dans pseudonymised, ni dans ce qui en est calculé.",
        person_id="pseudonyme, le même que dans vault.identity",
    )


def _requests() -> None:
    run("""
        create table audit.request (
          request_id bigint generated always as identity primary key,
          project text not null,
          kind text not null check (kind in ('export', 'rectify', 'erase', 'restrict', 'withdraw')),
          received_on date not null default current_date,
          due_on date not null,
          state text not null default 'open' check (state in ('open', 'done', 'refused')),
          opened_by text not null,
          closed_by text,
          closed_at timestamptz,
          check ((state = 'open') = (closed_at is null))
        )
    """)
    describe(
        "audit.request",
        "Le registre des demandes de personnes : ce qui est demandé, pour quand, qui y a répondu. Jamais de qui elle vient.",
        request_id="numéro à porter sur la demande écrite, qui reste hors de la base",
        due_on="échéance légale : un mois après la réception",
        state="open, done (satisfaite) ou refused (refusée, avec son motif sur la demande écrite)",
    )


def _collection() -> None:
    """An erasure is written as a load, and is no collection."""
    run("""
        create or replace view quality.collection as
        select last.project, last.form, last.source, last.started_at as last_attempt_at, last.state as last_attempt_state,
            good.finished_at as last_success_at, good.mode, good.received, good.added, good.changed, good.removed,
            good.restored, good.refused, good.present, good.server_count, good.lag_median_h, good.lag_max_h,
            good.last_arrival_at, good.last_arrival_at + good.expected_every as next_expected_at,
            now() > good.last_arrival_at + good.late_after as is_late
        from (
            select distinct on (project, form) * from raw.load where source <> 'erasure' order by project, form, load_id desc
        ) as last
        left join lateral (
            select * from raw.load
            where project = last.project and form = last.form and state in ('done', 'refused') and source <> 'erasure'
            order by load_id desc limit 1
        ) as good on true
    """)
