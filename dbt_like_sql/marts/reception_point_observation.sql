-- One row per observation of a reception point. One sent twice (same duplicate_key) counts once: the earliest stays.
with

observations as (

    select
        project,
        submission_id,
        reception_point_id,
        duplicate_key,
        reception_point_type,
        region_code,
        province_code,
        commune_code,
        is_open,
        criteria_met,
        observed_on,
        submitted_at
    from staging.prim2_reception_point_observation

),

ranked as (

    select
        project,
        submission_id,
        reception_point_id,
        reception_point_type,
        region_code,
        province_code,
        commune_code,
        is_open,
        criteria_met,
        is_open and criteria_met >= 6 as is_functional,
        observed_on,
        row_number() over (
            partition by project, coalesce(duplicate_key, submission_id)
            order by submitted_at asc, submission_id asc
        ) as sending
    from observations

),

final as (

    select
        project,
        submission_id,
        reception_point_id,
        reception_point_type,
        region_code,
        province_code,
        commune_code,
        is_open,
        criteria_met,
        is_functional,
        observed_on
    from ranked
    where sending = 1

)

select * from final
