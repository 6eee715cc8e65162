-- One row per feedback or complaint received. One sent twice (same duplicate_key) counts once: the earliest stays.
with

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
    from staging.prim2_feedback

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
