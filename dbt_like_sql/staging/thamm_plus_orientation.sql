-- Individual orientation interviews of the ANAPEC register (F-CAND), with the candidate's consent.
with

source as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        person_id,
        consentement,
        sexe,
        age_band,
        region,
        secteur,
        primo_renouvellement,
        type_contrat,
        date_orientation
    from pseudonymised.thamm_plus_candidats

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(person_id as text) as person_id,
        cast(duplicate_key as text) as duplicate_key,
        cast(sexe as text) as sex,
        cast(age_band as text) as age_band,
        cast(secteur as text) as sector,
        cast(region as text) as region_code,
        cast(primo_renouvellement = 'renouvellement' as boolean) as is_renewal,
        cast(type_contrat as text) as contract_type,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_orientation as date) as oriented_on
    from source
    where consentement = 'oui'

)

select * from final
