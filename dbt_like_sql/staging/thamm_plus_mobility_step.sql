-- Steps of the mobility path (F-PARC), with the person's consent.
-- The form asks « offre_validee_le » at every step but the first, whose own date it is.
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
        secteur,
        primo_renouvellement,
        type_contrat,
        employeur,
        etape,
        date_etape,
        offre_validee_le,
        entree_confirmee
    from pseudonymised.thamm_plus_parcours

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(person_id as text) as person_id,
        cast(card_id as text) as card_id,
        cast(etape as text) as step,
        cast(sexe as text) as sex,
        cast(age_band as text) as age_band,
        cast(secteur as text) as sector,
        cast(region as text) as region_code,
        cast(primo_renouvellement = 'renouvellement' as boolean) as is_renewal,
        cast(type_contrat as text) as contract_type,
        cast(employeur as text) as employer,
        cast(case when etape = 'offre_validee' then date_etape else offre_validee_le end as date) as offer_validated_on,
        cast(entree_confirmee = 'oui' as boolean) as is_confirmed,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_etape as date) as step_on
    from source
    where consentement = 'oui'

)

select * from final
