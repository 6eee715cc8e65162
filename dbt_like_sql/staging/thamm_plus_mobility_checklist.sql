-- Checks of mobilities against the list « parcours protecteur » (F-CTRL), under the person's ANAPEC file number alone.
with

source as (

    select
        submission_id,
        submitted_at,
        person_id,
        card_id,
        date_controle,
        date_depart,
        secteur,
        primo_renouvellement,
        type_contrat,
        contrat_compris,
        copie_remise,
        aucun_frais_illicite,
        logement_conforme,
        couverture_sociale,
        canal_plainte
    from pseudonymised.thamm_plus_controle_parcours

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(person_id as text) as person_id,
        cast(card_id as text) as card_id,
        cast(secteur as text) as sector,
        cast(type_contrat as text) as contract_type,
        cast(primo_renouvellement = 'renouvellement' as boolean) as is_renewal,
        cast(contrat_compris = 'oui' as boolean) as is_contract_understood,
        cast(copie_remise = 'oui' as boolean) as is_copy_given,
        cast(aucun_frais_illicite = 'oui' as boolean) as is_without_illicit_fee,
        cast(logement_conforme = 'oui' as boolean) as is_housing_compliant,
        cast(couverture_sociale = 'oui' as boolean) as is_socially_covered,
        cast(canal_plainte = 'oui' as boolean) as is_complaint_channel_known,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_depart as date) as departed_on,
        cast(date_controle as date) as checked_on
    from source

)

select * from final
