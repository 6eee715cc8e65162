"""What a load brought is found by ranges of pages, and a payload sealed anew is judged without a procedure.

Rows of one load lie together: a summary of each range of pages finds them as an index would, and costs nothing to fill. The
index was where four threads that seal anew waited for each other: all wrote at its end (2026-11: 22 µs a row without it, 31
with it, and 35 with a procedure called for each row).
"""

from meal_pipelines.warehouse.migrations import as_owner, run

revision = "0034"
down_revision = "0033"

KEPT = (
    "project", "form", "submission_id", "version", "instance_id", "form_version", "submitted_at", "changed_at", "state",
    "fingerprint", "attachments", "attachments_present", "load_id", "loaded_at",
)  # fmt: skip
"""Every column but the payload; one added later is added here too, by its own revision."""


def upgrade() -> None:
    as_owner()
    run("drop index raw.submission_project_form_load_id_idx")
    run("""
        create index submission_by_load on raw.submission using brin (project, form, load_id)
        with (pages_per_range = 32, autosummarize = on)
    """)
    run("""
        create or replace function raw.refuse_update() returns trigger language plpgsql as $$
        begin
          raise exception 'raw.submission ne se modifie pas : une correction est une nouvelle version'
            using errcode = 'restrict_violation', schema = tg_table_schema, table = tg_table_name;
        end
        $$
    """)
    run("drop trigger append_only on raw.submission")
    before, after = (", ".join(f"{row}.{column}" for column in KEPT) for row in ("old", "new"))
    # Allowed is the rotation of keys: the same row, its payload of the same length under a key of another number.
    run(f"""
        create trigger append_only before update on raw.submission for each row when ((
          row({before}) is not distinct from row({after})
          and octet_length(old.payload) = octet_length(new.payload)
          and get_byte(old.payload, 0) <> get_byte(new.payload, 0)
        ) is not true) execute function raw.refuse_update()
    """)
