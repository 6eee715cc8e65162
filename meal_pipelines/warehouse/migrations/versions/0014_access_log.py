"""One log of every opening of personal data for a person's eyes: append-only, each line bound to the one before."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    as_owner()
    _log()
    _chain()
    _bring_in_what_was_elsewhere()
    _close()


def _log() -> None:
    run("""
        create table audit.access (
          access_id bigint primary key,
          at timestamptz not null,
          who text not null,
          acting_as text not null,
          what text not null,
          why text not null check (btrim(why) <> ''),
          project text not null,
          form text,
          submission_id text,
          person_id text,
          items bigint not null,
          previous bytea not null,
          hash bytea not null
        )
    """)
    run("create index on audit.access (project, access_id)")
    run("""
        create table audit.access_head (
          only_one boolean primary key default true check (only_one),
          access_id bigint not null,
          hash bytea not null
        )
    """)
    run("insert into audit.access_head (access_id, hash) values (0, sha256('meal audit.access'))")
    describe(
        "audit.access",
        "Une ligne chaque fois que des données personnelles sont ouvertes pour quelqu'un, ou effacées. Rien n'y est modifié "
        "ni retiré : chaque ligne porte l'empreinte de la précédente (« meal privacy audit --verify »).",
        access_id="rang de la ligne, sans trou",
        who="usager de la machine",
        acting_as="à quel titre, tel qu'il l'a dit : sera, dpo ou admin",
        what="ce qui a été fait : files, identity, export, erase, retention …",
        why="motif donné par cet usager",
        submission_id="la soumission concernée, quand il n'y en a qu'une",
        person_id="le pseudonyme de la personne concernée, quand il est connu",
        items="nombre de fichiers, d'identités ou de soumissions concernés",
        previous="empreinte de la ligne précédente",
        hash="empreinte SHA-256 de cette ligne et de la précédente",
    )
    describe("audit.access_head", "Le rang et l'empreinte de la dernière ligne de audit.access.")


def _chain() -> None:
    run("""
        create function audit.hash_of(line audit.access) returns bytea language sql stable as $$
          select sha256(convert_to(jsonb_build_array(
            line.access_id, (extract(epoch from line.at) * 1000000)::bigint, line.who, line.acting_as, line.what, line.why,
            line.project, line.form, line.submission_id, line.person_id, line.items, encode(line.previous, 'hex')
          )::text, 'UTF8'))
        $$
    """)
    run("""
        create function audit.chain(line audit.access) returns audit.access language plpgsql as $$
        declare
          last audit.access_head;
        begin
          -- Whoever writes at the same moment waits here, so that no two lines follow the same one.
          select * into strict last from audit.access_head for update;
          line.access_id := last.access_id + 1;
          line.previous := last.hash;
          line.hash := audit.hash_of(line);
          update audit.access_head set access_id = line.access_id, hash = line.hash;
          return line;
        end
        $$
    """)


def _bring_in_what_was_elsewhere() -> None:
    run("""
        do $$
        declare
          found audit.file_access;
          line audit.access;
        begin
          for found in select * from audit.file_access order by access_id loop
            line := null;
            line.at := found.at;
            line.who := found.who;
            line.acting_as := 'sera';
            line.what := 'files';
            line.why := found.why;
            line.project := found.project;
            line.form := found.form;
            line.submission_id := found.submission_id;
            line.items := found.files;
            line := audit.chain(line);
            insert into audit.access select line.*;
          end loop;
        end
        $$
    """)
    run("drop table audit.file_access")


def _close() -> None:
    run("""
        create function audit.append() returns trigger language plpgsql as $$
        begin
          new.at := clock_timestamp();
          return audit.chain(new);
        end
        $$
    """)
    run("create trigger append before insert on audit.access for each row execute function audit.append()")
    run("""
        create trigger append_only before update or delete on audit.access
        for each row execute function audit.refuse_change()
    """)
    for table in ("access", "access_head"):
        run(f"create trigger never_emptied before truncate on audit.{table} execute function audit.refuse_change()")
    run("""
        create trigger moved_by_the_log before insert or update or delete on audit.access_head
        for each row when (pg_trigger_depth() = 0) execute function audit.refuse_change()
    """)
