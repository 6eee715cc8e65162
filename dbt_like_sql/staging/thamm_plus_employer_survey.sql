-- End-of-season questionnaires to employers in France (F-EMP), those without an answer included.
with

source as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        type_fiche,
        date_fiche,
        secteur,
        taille,
        region_fr,
        employeur,
        a_repondu,
        note_adequation,
        recruterait_encore
    from pseudonymised.thamm_plus_employeurs

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(duplicate_key as text) as duplicate_key,
        cast(employeur as text) as employer,
        cast(secteur as text) as sector,
        cast(taille as text) as size_band,
        cast(region_fr as text) as region_fr_code,
        cast(a_repondu = 'oui' as boolean) as has_responded,
        cast(note_adequation as smallint) as adequacy_score,
        cast(recruterait_encore = 'oui' as boolean) as would_hire_again,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_fiche as date) as surveyed_on
    from source
    where type_fiche = 'fin_saison'

)

select * from final
