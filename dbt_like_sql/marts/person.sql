-- Registrations of both projects → one row per (project, person_id).
-- Attributes are those of the person's most recent registration; first_met_on is that of the earliest.
with

prim2 as (

    select
        project,
        submission_id,
        person_id,
        sex,
        age_band,
        target_group,
        nationality_code,
        region_code,
        province_code,
        registered_on
    from staging.prim2_person

),

thamm_plus as (

    select
        project,
        submission_id,
        person_id,
        sex,
        age_band,
        target_group,
        nationality_code,
        region_code,
        province_code,
        registered_on
    from staging.thamm_plus_person

),

registrations as (

    select
        project,
        submission_id,
        person_id,
        sex,
        age_band,
        target_group,
        nationality_code,
        region_code,
        province_code,
        registered_on
    from prim2
    union all
    select
        project,
        submission_id,
        person_id,
        sex,
        age_band,
        target_group,
        nationality_code,
        region_code,
        province_code,
        registered_on
    from thamm_plus

),

ranked as (

    select
        project,
        person_id,
        sex,
        age_band,
        target_group,
        nationality_code,
        region_code,
        province_code,
        row_number() over (
            partition by project, person_id
            order by registered_on desc nulls last, submission_id desc
        ) as recency,
        min(registered_on) over (partition by project, person_id) as first_met_on
    from registrations

),

final as (

    select
        project,
        person_id,
        sex,
        age_band,
        target_group,
        nationality_code,
        region_code,
        province_code,
        first_met_on
    from ranked
    where recency = 1

)

select * from final
