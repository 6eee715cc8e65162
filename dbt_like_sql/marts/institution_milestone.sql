-- One row per milestone reached. A milestone sent twice (same duplicate_key) counts once: the earliest stays.
with

prim2 as (

    select
        project,
        submission_id,
        institution_id,
        duplicate_key,
        institution_type,
        milestone_type,
        instrument_type,
        tool_type,
        region_code,
        province_code,
        commune_code,
        level,
        submitted_at,
        reached_on
    from staging.prim2_institution_milestone

),

thamm_plus as (

    select
        project,
        submission_id,
        institution_id,
        duplicate_key,
        institution_type,
        milestone_type,
        instrument_type,
        tool_type,
        region_code,
        province_code,
        commune_code,
        level,
        submitted_at,
        reached_on
    from staging.thamm_plus_institution_milestone

),

milestones as (

    select
        project,
        submission_id,
        institution_id,
        duplicate_key,
        institution_type,
        milestone_type,
        instrument_type,
        tool_type,
        region_code,
        province_code,
        commune_code,
        level,
        submitted_at,
        reached_on
    from prim2
    union all
    select
        project,
        submission_id,
        institution_id,
        duplicate_key,
        institution_type,
        milestone_type,
        instrument_type,
        tool_type,
        region_code,
        province_code,
        commune_code,
        level,
        submitted_at,
        reached_on
    from thamm_plus

),

ranked as (

    select
        project,
        submission_id,
        institution_id,
        institution_type,
        milestone_type,
        instrument_type,
        tool_type,
        region_code,
        province_code,
        commune_code,
        level,
        reached_on,
        row_number() over (
            partition by project, coalesce(duplicate_key, submission_id)
            order by submitted_at asc, submission_id asc
        ) as sending
    from milestones

),

final as (

    select
        project,
        submission_id,
        institution_id,
        institution_type,
        milestone_type,
        instrument_type,
        tool_type,
        region_code,
        province_code,
        commune_code,
        level,
        reached_on
    from ranked
    where sending = 1

)

select * from final
