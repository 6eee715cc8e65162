-- Tools that institutions adopted (F-INST). The institutions of THAMM+ are national: they have neither region nor commune.
with

source as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        institution,
        type_outil,
        date_adoption
    from pseudonymised.thamm_plus_institutions

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(institution as text) as institution_id,
        cast(duplicate_key as text) as duplicate_key,
        cast(case when institution = 'miepeec' then 'ministere' else 'etablissement_public' end as text) as institution_type,
        cast('outil' as text) as milestone_type,
        cast(null as text) as instrument_type,
        cast(type_outil as text) as tool_type,
        cast(null as text) as region_code,
        cast(null as text) as province_code,
        cast(null as text) as commune_code,
        cast(null as smallint) as level,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_adoption as date) as reached_on
    from source

)

select * from final
