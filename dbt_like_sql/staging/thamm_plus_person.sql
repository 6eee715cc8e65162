-- Candidates whom ANAPEC registered (F-CAND), with their consent.
-- THAMM+ asks for neither a target group nor a nationality: every candidate is a worker recruited in Morocco.
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
        province,
        date_orientation
    from pseudonymised.thamm_plus_candidats

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(person_id as text) as person_id,
        cast(card_id as text) as card_id,
        cast(sexe as text) as sex,
        cast(age_band as text) as age_band,
        cast(null as text) as target_group,
        cast(null as text) as nationality_code,
        cast(region as text) as region_code,
        cast(province as text) as province_code,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_orientation as date) as registered_on
    from source
    where
        consentement = 'oui'
        and person_id is not null

)

select * from final
