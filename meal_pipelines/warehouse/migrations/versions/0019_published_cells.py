"""The memory of publications goes where analysts do not read: it holds the counts behind hidden cells."""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    as_owner()
    run("alter table extracts.published_cell set schema audit")
    run("grant select on audit.published_cell to meal_dpo")
