"""How late data come and when more are due: kept with each load, and shown to analysts without any value."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    as_owner()
    run("alter table raw.load add column refused bigint not null default 0")
    run("alter table raw.load add column lag_median_h double precision")
    run("alter table raw.load add column lag_max_h double precision")
    run("alter table raw.load add column last_arrival_at timestamptz")
    run("alter table raw.load add column expected_every interval")
    run("alter table raw.load add column late_after interval")
    describe(
        "raw.load",
        "Une ligne par collecte d'un formulaire : ce que le serveur a donné et ce qui en a été fait.",
        refused="ce qui n'a pas été accepté : fichiers refusés, ou disparitions trop nombreuses pour être crues",
        lag_median_h="heures entre l'arrivée à la source et la collecte, médiane de ce qui a été reçu de nouveau",
        lag_max_h="la plus longue de ces attentes, en heures",
        last_arrival_at="dernière arrivée connue d'une soumission à la source",
        expected_every="après une arrivée, délai où la suivante est attendue, selon la fréquence du formulaire",
        late_after="après une arrivée, délai au-delà duquel la suivante est en retard",
    )
    _collection()


def _collection() -> None:
    run("""
        create view quality.collection as
        select last.project, last.form, last.source, last.started_at as last_attempt_at, last.state as last_attempt_state,
            good.finished_at as last_success_at, good.mode, good.received, good.added, good.changed, good.removed,
            good.restored, good.refused, good.present, good.server_count, good.lag_median_h, good.lag_max_h,
            good.last_arrival_at, good.last_arrival_at + good.expected_every as next_expected_at,
            now() > good.last_arrival_at + good.late_after as is_late
        from (select distinct on (project, form) * from raw.load order by project, form, load_id desc) as last
        left join lateral (
            select * from raw.load
            where project = last.project and form = last.form and state in ('done', 'refused')
            order by load_id desc limit 1
        ) as good on true
    """)
    describe(
        "quality.collection",
        "Une ligne par formulaire : sa dernière collecte réussie, le délai, ce qui est attendu ensuite.",
        kind="view",
        last_attempt_at="début de la dernière collecte, réussie ou non",
        last_attempt_state="running, done, failed (panne) ou refused (réussie, mais quelque chose n'a pas été accepté)",
        last_success_at="fin de la dernière collecte réussie ; les colonnes suivantes parlent d'elle",
        mode="sweep : tout a été relu ; changes : seulement ce que la source dit avoir changé",
        lag_median_h="heures entre l'arrivée à la source et la collecte, médiane ; vide quand rien de nouveau n'est arrivé",
        last_arrival_at="dernière arrivée connue d'une soumission à la source",
        next_expected_at="quand les suivantes sont attendues, selon la fréquence du formulaire",
        is_late="vrai quand elles sont en retard",
    )
