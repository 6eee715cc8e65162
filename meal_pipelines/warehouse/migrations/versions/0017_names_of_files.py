"""Partners name files after people: no name of a file, nor what was said of it, stays where it can be read."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    as_owner()
    # The key of aliases is outside the database: files received before get one that is drawn, and are as if moved away.
    run("""
        create temporary table renamed on commit drop as
        select project, form, file,
          'fichier-' || substr(md5(random()::text || clock_timestamp()::text), 1, 10)
            || coalesce(substring(lower(file) from '[.](?:xlsx|xlsm|xlsb|xls|ods|csv|tsv|txt)$'), '') as alias
        from (select distinct project, form, file from raw.file) as known
    """)
    run("""
        update raw.file as f set file = r.alias, message = null, notes = '[]'
        from renamed as r where r.project = f.project and r.form = f.form and r.file = f.file
    """)
    run("alter table raw.submission disable trigger append_only")
    run("""
        update raw.submission as s set instance_id = r.alias || substring(s.instance_id from '#[0-9]+$')
        from renamed as r
        where r.project = s.project and r.form = s.form and r.file = regexp_replace(s.instance_id, '#[0-9]+$', '')
    """)
    run("alter table raw.submission enable trigger append_only")
    run("update raw.load set message = null where source = 'workbook'")
    run("""
        insert into quality.unknown_question (project, form, question, first_load_id)
        select q.project, q.form, 'colonnes d''un classeur (leurs lettres : « meal forms received »)', min(q.first_load_id)
        from quality.unknown_question as q
        where exists (select 1 from raw.load as l where l.project = q.project and l.form = q.form and l.source = 'workbook')
        group by q.project, q.form
        on conflict do nothing
    """)
    run("""
        delete from quality.unknown_question as q using raw.load as l
        where l.project = q.project and l.form = q.form and l.source = 'workbook' and q.question not like 'colonnes d''un %'
    """)
    describe(
        "raw.file",
        "Une ligne par contenu reçu d'un fichier de partenaire : ce qui en a été lu, ou pourquoi il a été refusé.",
        file="nom d'emprunt du fichier, calculé avec la clé : un nom de fichier peut désigner une personne",
    )
