-- Milestones of public institutions supported by PRIM 2 (F-INST).
-- An institution is recognised by its type, its place and, for a decentralised department, its sector: never by a typed name.
with

milestones as (

    select
        submission_id,
        duplicate_key,
        type_jalon,
        region,
        type_institution,
        secteur_service,
        province,
        commune,
        type_instrument,
        etat_instrument,
        type_outil,
        actions_migration,
        actions_genre,
        niveau,
        submitted_at,
        date_jalon
    from pseudonymised.prim2_institutions

),

final as (

    select
        cast('prim2' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(
            concat_ws(
                ':',
                coalesce(type_institution, 'region'),
                coalesce(commune, province, region),
                secteur_service
            ) as text
        ) as institution_id,
        cast(duplicate_key as text) as duplicate_key,
        cast(type_institution as text) as institution_type,
        cast(type_jalon as text) as milestone_type,
        cast(type_instrument as text) as instrument_type,
        cast(type_outil as text) as tool_type,
        cast(region as text) as region_code,
        cast(province as text) as province_code,
        cast(commune as text) as commune_code,
        cast(niveau as smallint) as level,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_jalon as date) as reached_on
    from milestones
    -- The logframe's definitions: an instrument in force or completed, a plan with both kinds of budgeted actions.
    where
        type_jalon in ('outil', 'cotation')
        or (type_jalon = 'instrument' and etat_instrument in ('en_vigueur', 'acheve'))
        or (type_jalon = 'plan' and actions_migration >= 1 and actions_genre >= 1)

)

select * from final
