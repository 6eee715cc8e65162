-- Gender-sensitive measures of the organisations supported by PRIM 2 (F-GENRE): self-assessed, then verified.
-- An institution is recognised by its type, its place and its sector, as in F-INST: never by a typed name.
with

source as (

    select
        submission_id,
        type_organisation,
        organisation,
        secteur_service,
        region,
        province,
        commune,
        mesure_engagement,
        mesure_referent,
        mesure_donnees,
        mesure_budget,
        mesure_prevention,
        verifiee,
        date_debut_appui,
        date_evaluation
    from pseudonymised.prim2_mesures_genre

),

final as (

    select
        cast('prim2' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(
            case
                when type_organisation = 'osc' then organisation
                else concat_ws(':', type_organisation, coalesce(commune, province, region), secteur_service)
            end as text
        ) as organisation_id,
        cast(type_organisation as text) as organisation_category,
        cast(region as text) as region_code,
        cast(verifiee = 'oui' as boolean) as is_verified,
        cast(
            coalesce(cast(mesure_engagement = 'oui' as integer), 0)
            + coalesce(cast(mesure_referent = 'oui' as integer), 0)
            + coalesce(cast(mesure_donnees = 'oui' as integer), 0)
            + coalesce(cast(mesure_budget = 'oui' as integer), 0)
            + coalesce(cast(mesure_prevention = 'oui' as integer), 0) as smallint
        ) as measures_applied,
        cast(date_debut_appui as date) as support_started_on,
        cast(date_evaluation as date) as assessed_on
    from source

)

select * from final
