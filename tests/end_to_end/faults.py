"""Defects put into the product's own process, without a line of it being changed: a plugin that Python loads by itself.

`MEAL_TEST_FAULT=module:function:kind` makes that function fail in that way, quoting `MEAL_TEST_VALUE`, a planted identity.
`MEAL_TEST_FORM=project/form` spoils the table of that form alone. The kind `hurry`, of `Patience`, is no defect: a server
is asked as often as ever, with hundredths of a second in between instead of seconds.
"""

from __future__ import annotations

PLUGIN = '''\
"""Loaded by every Python process whose PYTHONPATH names this folder."""
import functools
import importlib.abc
import importlib.util
import os
import resource
import sys

MODULE, _, REST = os.environ.get("MEAL_TEST_FAULT", "").partition(":")
FUNCTION, _, KIND = REST.partition(":")
VALUE = os.environ.get("MEAL_TEST_VALUE", "")
FORM = os.environ.get("MEAL_TEST_FORM", "")


def fail_value():
    try:
        {}[VALUE]
    except KeyError as error:
        raise ValueError(f"cannot convert {VALUE!r}") from error


def fail_pandas():
    import pandas
    pandas.to_datetime(pandas.Series([VALUE]), format="%Y-%m-%d")


def fail_pandera():
    import pandas
    import pandera.pandas
    schema = pandera.pandas.DataFrameSchema({"nom": pandera.pandas.Column(int, pandera.pandas.Check.lt(3))})
    schema.validate(pandas.DataFrame({"nom": [VALUE]}), lazy=True)


def fail_pydantic():
    from pydantic import BaseModel
    class Answers(BaseModel):
        age: int
    Answers.model_validate({"age": VALUE})


def cursor():
    import psycopg2
    from meal_pipelines.settings import Settings
    from meal_pipelines.warehouse.connection import Warehouse
    with Warehouse.open(Settings.load()) as warehouse:
        url = warehouse.url().set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg2.connect(url).cursor()


def fail_cast():
    cursor().execute("select %s::integer", (VALUE,))


def fail_unique():
    ours = cursor()
    ours.execute("create table build.essai (nom text primary key)")
    ours.execute("insert into build.essai values (%s)", (VALUE,))
    ours.execute("insert into build.essai values (%s)", (VALUE,))


def condemn(build):
    """Spoil the table that is about to be judged, as a defect of cleaning would."""
    from psycopg2 import sql
    if build is None or FORM not in ("", f"{build.form.project}/{build.form.name}"):
        return build
    spec, ours = build.specs[0], cursor()
    name = sql.Identifier("build", spec.staged)
    ours.execute(sql.SQL("insert into {} select * from {} limit 3").format(name, name))
    ours.connection.commit()
    return build


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def patched(function):
    if KIND == "hurry":
        return functools.partial(function, pause=0.01)
    @functools.wraps(function)
    def failing(*arguments, **named):
        if KIND == "condemn":
            return condemn(function(*arguments, **named))
        if KIND == "small_files":
            small_files()
            return function(*arguments, **named)
        return globals()[f"fail_{KIND}"]()
    return failing


class Patching(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            setattr(module, FUNCTION, patched(getattr(module, FUNCTION)))
        spec.loader.exec_module = exec_module
        return spec


if MODULE:
    sys.meta_path.insert(0, Patching())
'''


def fault(function: str, kind: str, value: str) -> dict[str, str]:
    """The variables of a process in which `module:function` fails."""
    return {"MEAL_TEST_FAULT": f"{function}:{kind}", "MEAL_TEST_VALUE": value}


def hurried() -> dict[str, str]:
    """The variables of a process that does not wait long before it asks a server again."""
    return fault("meal_pipelines.collect.transport:Patience", "hurry", "")
