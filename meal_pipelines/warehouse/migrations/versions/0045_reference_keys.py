"""Reference tables that are loaded already take the names that their keys have now: a report may be frozen before the next run."""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0045"
down_revision = "0044"

RENAMED = """
do $$
declare
  found record;
begin
  for found in
    select held.table_name, renamed.key
    from (values
      ('region', 'region_code'), ('province', 'province_code'), ('commune', 'commune_code'),
      ('commune_code_2014', 'commune_code'), ('nationality', 'nationality_code'), ('age_band', 'age_band')
    ) as renamed (table_name, key)
    join information_schema.columns as held using (table_name)
    where held.table_schema = 'marts' and held.column_name = 'code'
  loop
    execute format('alter table marts.%I rename column code to %I', found.table_name, found.key);
  end loop;
end
$$
"""


def upgrade() -> None:
    as_owner()
    run(RENAMED)
