-- Job offers validated by ANAPEC and OFII, from their register (F-OFFRE): one row per validation, one per cancellation.
-- A cancelled offer keeps its posts on the day it was validated, and takes them back on the day it was cancelled.
with

offers as (

    select
        submission_id,
        numero_offre,
        employeur,
        secteur,
        saison,
        type_contrat,
        postes,
        etat,
        date_validation,
        date_annulation
    from pseudonymised.thamm_plus_offres

),

movements as (

    select
        submission_id,
        numero_offre,
        'validation' as movement,
        employeur,
        secteur,
        saison,
        type_contrat,
        postes as posts,
        date_validation as effective_on
    from offers
    union all
    select
        submission_id,
        numero_offre,
        'annulation' as movement,
        employeur,
        secteur,
        saison,
        type_contrat,
        -postes as posts,
        date_annulation as effective_on
    from offers
    where etat = 'annulee'

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(numero_offre as text) as offer_id,
        cast(movement as text) as movement,
        cast(submission_id as text) as submission_id,
        cast(employeur as text) as employer,
        cast(secteur as text) as sector,
        cast(saison as text) as season,
        cast(type_contrat as text) as contract_type,
        cast(posts as integer) as posts,
        cast(effective_on as date) as effective_on
    from movements

)

select * from final
