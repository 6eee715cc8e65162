"""What partners declare goes to OPSYS and IATI as lines of its own, and a frozen report keeps it as it was handed over."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0031"
down_revision = "0028"

KEYS = {
    "opsys": ("value_type, value_date", "'baseline', 'intermediate_target', 'final_target', 'current', 'declared'"),
    "iati": ("value_type, period_end, dimension, category", "'baseline', 'target', 'actual', 'declared'"),
}
"""Of each table of lines: what tells two lines of an indicator apart, and the kinds of value."""


def upgrade() -> None:
    as_owner()
    for table, (key, kinds) in KEYS.items():
        run(f"alter table extracts.{table} add column declared_source text, drop constraint {table}_value_type_check")
        run(f"""
            do $$
            declare
              name text;
            begin
              select conname into strict name from pg_constraint
              where conrelid = 'extracts.{table}'::regclass and contype = 'u';
              execute format('alter table extracts.{table} drop constraint %I', name);
            end
            $$
        """)
        run(
            f"alter table extracts.{table} add check (value_type in ({kinds})),"
            " add check ((value_type = 'declared') = (declared_source is not null)),"
            f" add unique nulls not distinct (project, period, indicator, {key}, declared_source)"
        )
        run(
            f"comment on column extracts.{table}.declared_source is"
            " 'L''organisme qui déclare le total ; vide pour toute autre valeur. Un total déclaré ne s''ajoute à rien.'"
        )
    _frozen()


def _frozen() -> None:
    run("""
        create table indicators.reported_declared (
          freeze_id bigint not null references indicators.freeze,
          project text not null,
          indicator text not null,
          period_kind text not null,
          period text not null,
          period_start date not null,
          period_end date not null,
          disaggregation jsonb not null,
          value numeric not null,
          units bigint,
          method text not null,
          source text not null,
          declared_by text,
          received_on date not null,
          primary key (freeze_id, indicator, period_kind, period, disaggregation, source)
        )
    """)
    describe(
        "indicators.reported_declared",
        "Ce que des partenaires avaient déclaré quand un rapport a été figé. Une ligne par gel, indicateur, période, "
        "ventilation et source.",
        value="la valeur telle que le partenaire l'avait donnée",
    )
    run(
        "create trigger never_changed before update or delete on indicators.reported_declared for each row"
        " execute function indicators.refuse_change()"
    )
    run(
        "create trigger never_emptied before truncate on indicators.reported_declared"
        " execute function indicators.refuse_change()"
    )
    run(
        "create trigger never_completed after insert on indicators.reported_declared referencing new table as added"
        " for each statement execute function indicators.refuse_addition()"
    )
