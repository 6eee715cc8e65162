"""Two frozen persons, or two frozen submissions, are never given one anonymous name: a report would count one where it counted two.

What a row may become is judged row by row since 0024; whether two names became one is seen only of a whole statement. One name
that becomes two is lawful: a person may be erased from one form and stay in another.
"""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    as_owner()
    run("""
        create function indicators.names_stay_apart() returns trigger language plpgsql as $$
        begin
          if exists (
            with named as (
              select o.project, name.of, name.was, name.is_now
              from old_rows as o join new_rows as n using (record_id)
              cross join lateral (values
                ('person', o.answers ->> 'person_id', n.answers ->> 'person_id'),
                ('person', o.answers ->> 'card_id', n.answers ->> 'card_id'),
                ('person', o.answers ->> 'duplicate_key', n.answers ->> 'duplicate_key'),
                ('submission', o.submission_id, n.submission_id)
              ) as name (of, was, is_now)
              where name.was is distinct from name.is_now
            )
            select from named group by of, is_now having count(distinct was) > 1
            union all
            select from named
            join indicators.reported_record as r
              on r.project = named.project and named.is_now = any(
                case named.of
                  when 'submission' then array[r.submission_id]
                  else array[r.answers ->> 'person_id', r.answers ->> 'card_id', r.answers ->> 'duplicate_key']
                end
              )
            where not exists (select from new_rows as n where n.record_id = r.record_id)
          ) then
            raise exception 'deux personnes ou deux soumissions figées ne prennent pas le même nom anonyme'
              using errcode = 'restrict_violation', schema = tg_table_schema, table = tg_table_name;
          end if;
          return null;
        end
        $$
    """)
    run("""
        create trigger names_stay_apart after update on indicators.reported_record
        referencing old table as old_rows new table as new_rows
        for each statement execute function indicators.names_stay_apart()
    """)
