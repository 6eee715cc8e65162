-- Persons registered by the partners of PRIM 2 (F-BEN), with their consent.
-- A refusal leaves a submission without any answer: it names nobody and is not a person.
with

registrations as (

    select
        submission_id,
        person_id,
        card_id,
        consentement,
        sexe,
        age_band,
        groupe_cible,
        nationalite,
        region,
        province,
        submitted_at,
        date_enregistrement
    from pseudonymised.prim2_beneficiaires

),

final as (

    select
        cast('prim2' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(person_id as text) as person_id,
        cast(card_id as text) as card_id,
        cast(sexe as text) as sex,
        cast(age_band as text) as age_band,
        cast(groupe_cible as text) as target_group,
        cast(nationalite as text) as nationality_code,
        cast(region as text) as region_code,
        cast(province as text) as province_code,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_enregistrement as date) as registered_on
    from registrations
    where
        consentement = 'oui'
        and person_id is not null

)

select * from final
