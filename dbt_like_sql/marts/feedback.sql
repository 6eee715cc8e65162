-- One row per feedback or complaint received. One sent twice (same duplicate_key) counts once: the earliest stays.
with

prim2 as (

    select
        project,
        submission_id,
        duplicate_key,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        received_on,
        due_on,
        answered_on,
        submitted_at
    from staging.prim2_feedback

),

thamm_plus as (

    select
        project,
        submission_id,
        duplicate_key,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        received_on,
        due_on,
        answered_on,
        submitted_at
    from staging.thamm_plus_feedback

),

received as (

    select
        project,
        submission_id,
        duplicate_key,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        received_on,
        due_on,
        answered_on,
        submitted_at
    from prim2
    union all
    select
        project,
        submission_id,
        duplicate_key,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        received_on,
        due_on,
        answered_on,
        submitted_at
    from thamm_plus

),

ranked as (

    select
        project,
        submission_id,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        coalesce(answered_on <= due_on, false) as is_answered_in_time,
        received_on,
        due_on,
        answered_on,
        row_number() over (
            partition by project, coalesce(duplicate_key, submission_id)
            order by submitted_at asc, submission_id asc
        ) as sending
    from received

),

final as (

    select
        project,
        submission_id,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        is_answered_in_time,
        received_on,
        due_on,
        answered_on
    from ranked
    where sending = 1

)

select * from final
