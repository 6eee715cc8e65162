-- Commitments signed by employers in France (F-EMP). An employer is known by its SIREN number, never by a name.
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
        piece_archivee
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
        cast(piece_archivee = 'oui' as boolean) as is_filed,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_fiche as date) as signed_on
    from source
    where type_fiche = 'engagement'

)

select * from final
