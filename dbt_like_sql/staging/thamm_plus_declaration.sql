-- What ANAPEC, OFII and OFPPT declare as aggregates (F-DECL), with the logframe's own words for what it is broken down by.
with

declarations as (

    select
        submission_id,
        indicateur,
        type_periode,
        periode,
        ventilation,
        categorie,
        valeur,
        unites,
        methode_dedoublonnage,
        organisme,
        fonction_declarante,
        date_declaration
    from pseudonymised.thamm_plus_declarations

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast('declarations' as text) as form,
        cast(submission_id as text) as submission_id,
        cast(indicateur as text) as indicator,
        cast(type_periode as text) as period_kind,
        cast(periode as text) as period,
        case ventilation
            when 'sexe' then 'sex'
            when 'age' then 'age_band'
            when 'secteur' then 'sector'
            when 'region' then 'region_code'
            when 'premier_depart' then 'is_renewal'
            when 'type_contrat' then 'contract_type'
        end as dimension,
        cast(categorie as text) as category,
        cast(valeur as numeric) as value,
        cast(unites as bigint) as units,
        cast(methode_dedoublonnage as text) as method,
        cast(organisme as text) as source,
        cast(fonction_declarante as text) as declared_by,
        cast(date_declaration as date) as received_on
    from declarations

)

select * from final
