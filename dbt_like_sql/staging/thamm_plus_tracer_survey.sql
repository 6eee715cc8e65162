-- Tracer interviews six months after the return (F-TRACE), with the person's consent.
with

source as (

    select
        submission_id,
        submitted_at,
        person_id,
        card_id,
        consentement,
        sexe,
        age_band,
        region,
        date_enquete,
        date_retour,
        secteur,
        primo_renouvellement,
        type_contrat,
        situation
    from pseudonymised.thamm_plus_suivi_6_mois

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(person_id as text) as person_id,
        cast(card_id as text) as card_id,
        cast(sexe as text) as sex,
        cast(age_band as text) as age_band,
        cast(secteur as text) as sector,
        cast(region as text) as region_code,
        cast(type_contrat as text) as contract_type,
        cast(primo_renouvellement = 'renouvellement' as boolean) as is_renewal,
        cast(situation as text) as situation,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_retour as date) as returned_on,
        cast(date_enquete as date) as surveyed_on
    from source
    where consentement = 'oui'

)

select * from final
