"""A third project is a folder: a published humanitarian survey goes from its export to safe tables, without Python.

The survey is the MSNA of IMPACT Initiatives (REACH): a questionnaire in English and French as two CSV files, and an
export with four linked repeats. Expected numbers are counted here from the workbook, with code that shares nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expectations.cleaned import suite_for as cleaned_suite
from expectations.engine import judge
from expectations.pseudonymised import suite_for as pseudonymised_suite
from meal_pipelines.clean import stage as clean
from meal_pipelines.clean.build import UNKNOWN_COLUMNS, CleanBuild
from meal_pipelines.clean.corrections import read_log
from meal_pipelines.collect.sources import open_sources
from meal_pipelines.collect.sync import synchronise
from meal_pipelines.project.load import load_project
from meal_pipelines.project.loaded import LoadedProject
from meal_pipelines.protect import stage as protect
from meal_pipelines.protect.keys.keyring import Keyring
from meal_pipelines.settings import CHECKOUT, Settings
from meal_pipelines.warehouse import Warehouse

FILES = ("survey_updated.csv", "choices_updated.csv", "dummy_raw_data.xlsx")
BESIDE = CHECKOUT.parent / "shared" / "surveydata" / "impact-initiatives-hppu+humind.data"
REPEATS = ("roster", "edu_ind", "health_ind", "nut_ind")
Sheet = list[dict[str, Any]]


@pytest.fixture(scope="module")
def folder() -> Path:
    """Where the published files are on this machine."""
    found = Path(os.environ.get("MSNA_FOLDER") or BESIDE)
    missing = [name for name in FILES if not (found / name).is_file()]
    if missing:
        pytest.skip(
            f"The published MSNA survey is not in {found}: {', '.join(missing)} missing. Get it from "
            "https://github.com/impact-initiatives-hppu/humind.data (MIT), then set MSNA_FOLDER to its folder."
        )
    return found


@pytest.fixture(scope="module")
def sheets(folder: Path) -> dict[str, Sheet]:
    """The export as openpyxl reads it; empty cells left out."""
    from openpyxl import load_workbook

    # Read-only, because the published workbook names a drawing that it does not hold.
    workbook = load_workbook(folder / "dummy_raw_data.xlsx", read_only=True)
    found = {}
    for sheet in workbook:
        sheet.reset_dimensions()
        header, *rows = sheet.iter_rows(values_only=True)
        found[sheet.title] = [
            {str(name): cell for name, cell in zip(header, row, strict=False) if cell not in (None, "")} for row in rows
        ]
    return found


@pytest.fixture(scope="module")
def project(folder: Path) -> LoadedProject:
    return load_project(Path(__file__).parent / "msna", {"MSNA_FOLDER": str(folder)})


@pytest.fixture(scope="module")
def build(
    warehouse: Warehouse, project: LoadedProject, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CleanBuild]:
    """The three stages, each audited by its suites before it is published."""
    home = tmp_path_factory.mktemp("msna")
    settings = Settings.load(environ={"MEAL_HOME": str(home), "MSNA_FOLDER": str(folder)})
    keyring, form, log = Keyring.create(settings.keyring), project.forms["menages"], read_log(home / "none.csv")
    for export, source in open_sources(settings, project, form):
        synchronise(warehouse, keyring, project.id, form.name, source, export=export)
    cleaned = clean.prepare(warehouse, keyring, project, form, log)
    assert cleaned is not None
    tables = form.questionnaire.tables.values()
    for spec, table in zip(cleaned.specs, tables, strict=True):
        assert_passes(warehouse, spec, cleaned_suite(project.project, form, table, spec))
    clean.publish(warehouse, cleaned, log)
    protected = protect.prepare(warehouse, keyring, project, form)
    assert protected is not None
    for spec, table in zip(protected.specs, tables, strict=True):
        assert_passes(warehouse, spec, pseudonymised_suite(project.project, form, table, spec))
    protect.publish(warehouse, protected)
    yield cleaned
    forget(warehouse)


def assert_passes(warehouse: Warehouse, spec: Any, suite: Any) -> None:
    results = judge(warehouse.url("pipeline"), suite, staged=spec.staged, candidate=spec.candidate)
    assert results and all(result.passed for result in results), spec.qualified


def forget(warehouse: Warehouse) -> None:
    """The session's warehouse is shared: leave nothing of this project in it."""
    with warehouse.connect() as connection, connection.cursor() as cursor:
        for schema in ("cleaned", "pseudonymised"):
            for suffix in ("", *(f"__{name}" for name in REPEATS)):
                cursor.execute(f"drop table if exists {schema}.msna_menages{suffix}")
        for table in ("raw.cursor", "raw.missing", "raw.submission", "raw.load", "quality.rejection", "quality.build"):
            cursor.execute(f"delete from {table} where project = 'msna'")


def rows(warehouse: Warehouse, query: str) -> list[tuple[Any, ...]]:
    with warehouse.connect() as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def count(warehouse: Warehouse, table: str) -> int:
    return int(rows(warehouse, f"select count(*) from {table}")[0][0])


def chosen(row: dict[str, Any], question: str) -> list[str]:
    return str(row.get(question, "")).split()


def quarantined_households(main: Sheet) -> set[str]:
    """The households that cannot stand, found with the questionnaire's rules spelled out again by hand."""
    found = set()
    for row in main:
        amounts = {
            name: int(value)
            for name, value in row.items()
            if name.startswith(("cm_income_source_", "cm_expenditure_")) and "/" not in name
            and name.rpartition("_")[0] != "cm_expenditure" and isinstance(value, int)
        }  # fmt: skip
        wrong = [
            name
            for name, value in amounts.items()
            if value != -999 and (value <= 0 or (name.endswith("_prop") and value > 100)) and is_asked(row, name)
        ]
        texts = [name for name in TOLD_APART if "other" in chosen(row, name) and f"other_{name}" not in row]
        time = row.get("health_facility_time")
        late = time is not None and not (time > 0 or time == -999)
        if wrong or texts or late or "final_text" not in row:
            found.add(row["uuid"])
    return found


def is_asked(row: dict[str, Any], amount: str) -> bool:
    """Amounts of income and spending are asked for the sources and the posts that were chosen."""
    for question in ("cm_income_source", "cm_expenditure_infrequent", "cm_expenditure_frequent"):
        if amount.startswith(f"{question}_"):
            code = amount.removeprefix(f"{question}_").removesuffix("_n").removesuffix("_prop")
            return code in chosen(row, question)
    return False


TOLD_APART = (
    "aap_priority_challenge", "aap_priority_support_ngo", "aap_preferred_modality", "snfi_shelter_type_individual",
    "snfi_shelter_issue", "snfi_fds_cooking_issue", "snfi_fds_sleeping_issue", "snfi_fds_storing_issue",
    "snfi_fds_personal_hygiene_issue", "energy_lighting_source", "wash_drinking_water_source", "wash_sanitation_facility",
    "wash_handwashing_facility", "fsl_source_food", "prot_child_sep_reason",
)  # fmt: skip
"""Questions whose choice « other » is put into words in `other_<question>`."""


def test_every_question_of_the_survey_has_a_privacy_class(project: LoadedProject) -> None:
    """A question nobody has classified stays sealed: with patterns, none of some 370 is left out."""
    form = project.forms["menages"]
    questions = list(form.questionnaire.questions())
    assert len(questions) > 360
    assert [question.name for question in questions if form.class_of(question) is None] == []


def test_columns_that_no_question_explains_are_told_and_sealed(build: CleanBuild, warehouse: Warehouse) -> None:
    """Weights and strata were added to the export by its authors; the questionnaire does not know them.

    They are told without their headers: what somebody wrote above a column of a workbook may name a person.
    """
    assert build.unknown == {UNKNOWN_COLUMNS}
    columns = {name for (name,) in rows(warehouse, COLUMNS.format("pseudonymised"))}
    assert columns.isdisjoint(
        {"weight", "stratum", "deviceid", "final_text", "household_geopoint", "admin4", "resp_age"}
    )
    assert {"resp_age_band", "hoh_age_band", "admin3"} <= columns


def test_every_household_received_is_cleaned_or_rejected_with_a_reason(
    build: CleanBuild, warehouse: Warehouse, sheets: dict[str, Sheet]
) -> None:
    received = {row["uuid"] for row in sheets["main"]}
    kept = {name for (name,) in rows(warehouse, "select submission_id from cleaned.msna_menages")}
    rejected = {name for (name,) in rows(warehouse, REJECTED)}
    assert kept | rejected == received and not kept & rejected
    assert rejected == quarantined_households(sheets["main"])
    assert 0 < len(rejected) < len(received) / 4


def test_the_rows_of_each_repeat_follow_their_household(
    build: CleanBuild, warehouse: Warehouse, sheets: dict[str, Sheet]
) -> None:
    """A repeat's row is there when its household stands and it is not at fault itself (an age above 119)."""
    gone = quarantined_households(sheets["main"])
    for name in REPEATS:
        standing = [row for row in sheets[name] if row["uuid"] not in gone]
        if name == "roster":
            standing = [row for row in standing if 0 <= row["ind_age"] < 120]
        expected = Counter(row["uuid"] for row in standing)
        assert dict(rows(warehouse, PER_HOUSEHOLD.format(f"cleaned.msna_menages__{name}"))) == expected
        assert 0 < expected.total() < len(sheets[name])


def test_the_safe_tables_have_the_rows_of_the_cleaned_ones(build: CleanBuild, warehouse: Warehouse) -> None:
    for suffix in ("", *(f"__{name}" for name in REPEATS)):
        cleaned = count(warehouse, f"cleaned.msna_menages{suffix}")
        assert (
            count(warehouse, f"pseudonymised.msna_menages{suffix}")
            == cleaned
            == build.rows[f"cleaned.msna_menages{suffix}"]
        )


@pytest.mark.parametrize(
    ("repeat", "question", "limits"),
    [
        ("", "aap_priority_challenge", lambda codes: len(codes) > 3 or (len(codes) > 1 and set(codes) & {"none", "dnk", "pnta"})),
        ("", "fsl_source_food", lambda codes: codes and not 1 < len(codes) < 4),
        ("nut_ind", "nut_ind_under5_sick_symptoms", lambda codes: len(codes) > 1 and set(codes) & {"dnk", "pnta"}),
    ],
)  # fmt: skip
def test_answers_that_break_their_limits_are_counted_and_emptied(
    repeat: str, question: str, limits: Any, build: CleanBuild, warehouse: Warehouse, sheets: dict[str, Sheet]
) -> None:
    """The export is drawn at random: « none » stands beside other choices, four problems where three are allowed."""
    broken = sum(bool(limits(chosen(row, question))) for row in sheets[repeat or "main"])
    found = rows(warehouse, FAULTS.format(repeat, question, "constraint"))
    assert found == [("warning", broken)] and broken > 0


def test_a_question_withheld_from_the_export_is_reported_and_costs_no_household(
    build: CleanBuild, warehouse: Warehouse, sheets: dict[str, Sheet]
) -> None:
    """The position was taken out before publication although the questionnaire requires it."""
    assert rows(warehouse, FAULTS.format("", "household_geopoint", "required")) == [("warning", len(sheets["main"]))]


def test_an_expression_that_is_no_xlsform_is_reported_as_not_judged(build: CleanBuild) -> None:
    """Two questions of the published file say « T » where XLSForm says « yes »."""
    assert {line.split(" : ")[0] for line in build.not_judged} == {"etc_access_to_phone", "etc_coverage_network_type"}


def test_multiple_choices_are_arrays_of_their_codes(
    build: CleanBuild, warehouse: Warehouse, sheets: dict[str, Sheet]
) -> None:
    """An analyst writes `'smartphone' = any(…)`, and splits nothing."""
    types = dict(rows(warehouse, TYPES))
    assert len(types) == 19 and set(types.values()) == {"ARRAY"}
    stored = dict(rows(warehouse, "select submission_id, etc_access_to_phone from pseudonymised.msna_menages"))
    sent = {row["uuid"]: chosen(row, "etc_access_to_phone") for row in sheets["main"]}
    assert stored and all(set(codes or []) <= set(sent[household]) for household, codes in stored.items())
    assert any(codes and len(codes) > 1 for codes in stored.values())


COLUMNS = "select column_name from information_schema.columns where table_schema = '{}' and table_name = 'msna_menages'"
REJECTED = (
    "select distinct submission_id from quality.rejection"
    " where project = 'msna' and repeat = '' and severity = 'critical' and state = 'open'"
)
PER_HOUSEHOLD = "select submission_id, count(*) from {} group by submission_id"
FAULTS = (
    "select severity, count(*) from quality.rejection"
    " where project = 'msna' and repeat = '{}' and question = '{}' and rule = '{}' group by severity"
)
TYPES = """
    select table_name || '.' || column_name, data_type from information_schema.columns
    where table_schema = 'pseudonymised' and table_name like 'msna\\_menages%' and column_name in (
        'aap_priority_challenge', 'aap_priority_support_ngo', 'aap_preferred_modality', 'snfi_shelter_issue',
        'snfi_fds_cooking_issue', 'snfi_fds_sleeping_issue', 'snfi_fds_storing_issue', 'snfi_fds_personal_hygiene_issue',
        'fsl_source_food', 'fsl_lcsi_other_reason', 'fsl_lcsi_en_other_reason', 'cm_income_source',
        'cm_expenditure_frequent', 'cm_expenditure_infrequent', 'prot_child_sep_reason', 'etc_access_to_phone',
        'health_ind_healthcare_needed_type', 'nut_ind_under5_sick_symptoms', 'nut_ind_under5_sick_location')
"""
