"""Analysts restricted to one project: a role each, made on demand, and row-level security on what holds several projects.

`meal_analyst_<project>` belongs to the group `meal_project_analyst`. Of tables with a column `project` the group reads the
project's own rows; of `pseudonymised` each role reads its project's tables; of whatever else, nothing, unless it is reference data. Never
more than `meal_analyst` reads.
Nothing here exists, and no table has policies, before the first such role. The three roles of everybody are in `roles.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from psycopg2 import extensions, sql

GROUP = "meal_project_analyst"
PREFIX = "meal_analyst_"
OF_SEVERAL = ("marts", "indicators", "extracts", "quality")
"""The schemas whose tables hold several projects."""
REFERENCE = (
    "region", "province", "commune", "commune_code_2014", "place_alias", "nationality", "age_band", "exchange_rate",
    "public_holiday",
)  # fmt: skip
"""Tables of `marts` in which nobody is: seeds."""
VIEWS = ("indicators.progress",)
"""Views that read nothing but what their reader may read, and are therefore run with his rights."""


def analyst_of(project: str) -> str:
    return PREFIX + project


def admitted(cursor: extensions.cursor) -> list[str]:
    """The projects that have an analyst of their own."""
    cursor.execute(
        "select substr(member.rolname, %s) from pg_auth_members as m join pg_roles as member on member.oid = m.member"
        " join pg_roles as grouped on grouped.oid = m.roleid where grouped.rolname = %s and starts_with(member.rolname, %s)"
        " order by 1",
        (len(PREFIX) + 1, GROUP, PREFIX),
    )
    return [str(row[0]) for row in cursor.fetchall()]


def admit(connection: extensions.connection, project: str, tables: Sequence[str]) -> None:
    """Make the analyst of a project and let it read; repeating does no harm. Part of the caller's transaction.

    connection: of whoever may make roles. tables: those of `pseudonymised` that are the project's.
    """
    role = sql.Identifier(analyst_of(project))
    with connection.cursor() as cursor:
        _make(cursor, GROUP, "nologin")
        _make(cursor, analyst_of(project), "login")
        cursor.execute(sql.SQL("alter role {} set default_transaction_read_only = on").format(role))
        cursor.execute(sql.SQL("alter role {} set idle_in_transaction_session_timeout = '15min'").format(role))
        cursor.execute(sql.SQL("grant {} to {}").format(sql.Identifier(GROUP), role))
        cursor.execute(CONNECT)
        cursor.execute("set local role meal_pipeline")
        separate(cursor)
        for table in tables:
            cursor.execute("select to_regclass(format('pseudonymised.%%I', %s)) is not null", (table,))
            if (row := cursor.fetchone()) and row[0]:
                let_in(cursor, "pseudonymised", table, project)
        cursor.execute("reset role")


def dismiss(connection: extensions.connection, project: str) -> None:
    """Remove the analyst of a project, with all its rights. Part of the caller's transaction."""
    role = sql.Identifier(analyst_of(project))
    with connection.cursor() as cursor:
        cursor.execute("set local role meal_pipeline")
        cursor.execute(sql.SQL("revoke all on all tables in schema pseudonymised from {}").format(role))
        cursor.execute("reset role")
        cursor.execute(sql.SQL("drop role {}").format(role))


def separate(cursor: extensions.cursor) -> None:
    """Let the group in everywhere it may be, as the owner of the tables; nothing when there is no group."""
    if not _exists(cursor, GROUP):
        return
    group = sql.Identifier(GROUP)
    for schema in (*OF_SEVERAL, "pseudonymised"):
        cursor.execute(sql.SQL("grant usage on schema {} to {}").format(sql.Identifier(schema), group))
    cursor.execute(
        "select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname = any (%s) and c.relkind in ('r', 'p')",
        (list(OF_SEVERAL),),
    )
    for schema, table in cursor.fetchall():
        let_in(cursor, schema, table, None)
    for view in VIEWS:
        name = sql.Identifier(*view.split("."))
        cursor.execute(sql.SQL("alter view {} set (security_invoker = on)").format(name))
        cursor.execute(sql.SQL("grant select on {} to {}").format(name, group))


def let_in(cursor: extensions.cursor, schema: str, table: str, project: str | None) -> None:
    """What analysts of one project read of a table that was just put in place; part of the transaction that does it.

    project: whose table it is, None when it holds several.
    """
    if not _exists(cursor, GROUP):
        return
    name, group = sql.Identifier(schema, table), sql.Identifier(GROUP)
    if project is not None:
        if schema == "pseudonymised" and _exists(cursor, analyst_of(project)):
            cursor.execute(sql.SQL("grant select on {} to {}").format(name, sql.Identifier(analyst_of(project))))
    elif not _is_for_analysts(cursor, schema, table):
        cursor.execute(sql.SQL("revoke all on {} from {}").format(name, group))
    elif schema in OF_SEVERAL and _tells_project(cursor, schema, table):
        cursor.execute(sql.SQL("alter table {} enable row level security").format(name))
        for policy, rule in POLICIES.items():
            cursor.execute(sql.SQL("drop policy if exists {} on {}").format(sql.Identifier(policy), name))
            cursor.execute(sql.SQL(rule).format(sql.Identifier(policy), name))
        cursor.execute(sql.SQL("grant select on {} to {}").format(name, group))
    elif schema == "marts" and table in REFERENCE:
        cursor.execute(sql.SQL("grant select on {} to {}").format(name, group))


def _is_for_analysts(cursor: extensions.cursor, schema: str, table: str) -> bool:
    """Whether the analyst of all projects reads it: who takes a table from him takes it from the group."""
    cursor.execute("select has_table_privilege('meal_analyst', format('%%I.%%I', %s, %s), 'select')", (schema, table))
    row = cursor.fetchone()
    return bool(row and row[0])


def _tells_project(cursor: extensions.cursor, schema: str, table: str) -> bool:
    cursor.execute(
        "select exists (select from information_schema.columns"
        " where table_schema = %s and table_name = %s and column_name = 'project')",
        (schema, table),
    )
    row = cursor.fetchone()
    return bool(row and row[0])


def _exists(cursor: extensions.cursor, role: str) -> bool:
    cursor.execute("select exists (select from pg_roles where rolname = %s)", (role,))
    row = cursor.fetchone()
    return bool(row and row[0])


def _make(cursor: extensions.cursor, role: str, how: str) -> None:
    if not _exists(cursor, role):
        cursor.execute(sql.SQL("create role {} {}").format(sql.Identifier(role), sql.SQL(how)))


POLICIES = {
    # A condition that is always true is none for the planner: the other roles read as before.
    "every_project": "create policy {} on {} to meal_pipeline, meal_analyst, meal_dpo using (true) with check (true)",
    # Who takes the group's own name belongs to no project.
    "own_project": (
        "create policy {} on {} for select to meal_project_analyst"
        " using (starts_with(current_user::text, 'meal_analyst_') and project = substr(current_user::text, 14))"
    ),
}
CONNECT = """
do $$
begin
  execute format('grant connect on database %I to meal_project_analyst', current_database());
exception when insufficient_privilege then
  raise notice 'the owner of the database may let meal_project_analyst in';
end
$$
"""
