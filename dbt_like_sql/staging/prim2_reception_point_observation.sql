-- Public reception points of PRIM 2, as observed each semester (F-DISP): how many of the eight criteria each meets.
with

source as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        dispositif,
        type_dispositif,
        region,
        province,
        commune,
        etat,
        critere_acte,
        critere_local,
        critere_agent,
        critere_horaires,
        critere_registre,
        critere_referencement,
        critere_budget,
        critere_confidentialite,
        date_observation
    from pseudonymised.prim2_dispositifs

),

final as (

    select
        cast('prim2' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(dispositif as text) as reception_point_id,
        cast(duplicate_key as text) as duplicate_key,
        cast(type_dispositif as text) as reception_point_type,
        cast(region as text) as region_code,
        cast(province as text) as province_code,
        cast(commune as text) as commune_code,
        cast(etat = 'ouvert' as boolean) as is_open,
        cast(
            coalesce(cast(critere_acte = 'oui' as integer), 0)
            + coalesce(cast(critere_local = 'oui' as integer), 0)
            + coalesce(cast(critere_agent = 'oui' as integer), 0)
            + coalesce(cast(critere_horaires = 'oui' as integer), 0)
            + coalesce(cast(critere_registre = 'oui' as integer), 0)
            + coalesce(cast(critere_referencement = 'oui' as integer), 0)
            + coalesce(cast(critere_budget = 'oui' as integer), 0)
            + coalesce(cast(critere_confidentialite = 'oui' as integer), 0) as smallint
        ) as criteria_met,
        cast(date_observation as date) as observed_on,
        cast(submitted_at as timestamptz) as submitted_at
    from source

)

select * from final
