-- Cohort interviews on return or three months after arrival (F-RETOUR), with the person's consent.
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
        cout_recrutement_mad,
        revenu_mensuel_eur,
        situation,
        appui_recu,
        type_appui
    from pseudonymised.thamm_plus_retours

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
        cast(type_appui as text) as support_type,
        cast(appui_recu = 'oui' as boolean) as was_supported,
        cast(situation as text) as situation,
        cast(cout_recrutement_mad as numeric) as recruitment_cost_mad,
        cast(revenu_mensuel_eur as numeric) as monthly_income_eur,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_retour as date) as returned_on,
        cast(date_enquete as date) as surveyed_on
    from source
    where consentement = 'oui'

)

select * from final
