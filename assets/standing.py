"""Whether the forms that an asset is made from could be brought up to date, as a check that stops nothing.

Logic: `meal_pipelines/warehouse/outcomes.py`.
"""

from collections.abc import Collection, Sequence

import dagster as dg

from assets.audit import WARN
from meal_pipelines.display.standing import told
from meal_pipelines.warehouse.outcomes import Behind, Form, forms_behind
from resources import Platform

CHECK = "formulaires_a_jour"
MEANS = "Chaque formulaire dont ceci est fait a pu être mis à jour."


def standing_spec(key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(CHECK, asset=key, description=MEANS)


def behind_now(platform: Platform, forms: Collection[Form]) -> list[Behind]:
    """Those of these forms that stand still."""
    with platform.warehouse.connect() as connection, connection.cursor() as cursor:
        return forms_behind(cursor, forms)


def standing(platform: Platform, key: dg.AssetKey, behind: Sequence[Behind]) -> dg.AssetCheckResult:
    """A warning that names the forms standing still, the day they are from, and since when they fail."""
    return dg.AssetCheckResult(
        passed=not behind, asset_key=key, check_name=CHECK, severity=WARN,
        description="\n".join(told(each, platform.projects) for each in behind) or MEANS,
        metadata={"formulaires en retard": len(behind)},
    )  # fmt: skip
