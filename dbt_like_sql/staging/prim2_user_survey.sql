-- Anonymous surveys of the users of PRIM 2: satisfaction on leaving a service (F-SAT), access in three waves (F-ENQ).
-- A refusal leaves a submission without answers: it is not a respondent. The stratum is what each wave's sample was drawn by.
with

satisfaction as (

    select
        submission_id,
        consentement,
        type_prestation,
        sexe,
        tranche_age,
        groupe_cible,
        region,
        province,
        note,
        date_enquete
    from pseudonymised.prim2_satisfaction

),

access as (

    select
        submission_id,
        consentement,
        vague,
        poids,
        sexe,
        tranche_age,
        groupe_cible,
        region,
        province,
        handicap_wgss,
        a_cherche,
        a_obtenu,
        date_enquete
    from pseudonymised.prim2_enquete_usagers

),

final as (

    select
        cast('prim2' as text) as project,
        cast('satisfaction' as text) as survey,
        cast(submission_id as text) as submission_id,
        cast(null as text) as wave,
        cast(null as text) as stratum,
        cast(1 as numeric) as weight,
        cast(type_prestation as text) as service_type,
        cast(sexe as text) as sex,
        cast(tranche_age as text) as age_band,
        cast(groupe_cible as text) as target_group,
        cast(region as text) as region_code,
        cast(province as text) as province_code,
        cast(null as boolean) as has_disability,
        cast(null as boolean) as has_sought_service,
        cast(null as boolean) as has_obtained_service,
        cast(note as smallint) as satisfaction_score,
        cast(date_enquete as date) as surveyed_on
    from satisfaction
    where consentement = 'oui'
    union all
    select
        cast('prim2' as text) as project,
        cast('acces' as text) as survey,
        cast(submission_id as text) as submission_id,
        cast(vague as text) as wave,
        cast(concat_ws(':', vague, region, groupe_cible, sexe) as text) as stratum,
        cast(poids as numeric) as weight,
        cast(null as text) as service_type,
        cast(sexe as text) as sex,
        cast(tranche_age as text) as age_band,
        cast(groupe_cible as text) as target_group,
        cast(region as text) as region_code,
        cast(province as text) as province_code,
        cast(handicap_wgss = 'oui' as boolean) as has_disability,
        cast(a_cherche = 'oui' as boolean) as has_sought_service,
        cast(a_obtenu = 'oui' as boolean) as has_obtained_service,
        cast(null as smallint) as satisfaction_score,
        cast(date_enquete as date) as surveyed_on
    from access
    where consentement = 'oui'

)

select * from final
