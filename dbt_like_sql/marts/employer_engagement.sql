-- One row per commitment signed by an employer. One sent twice (same duplicate_key) counts once: the earliest stays.
with

engagements as (

    select
        project,
        submission_id,
        duplicate_key,
        employer,
        sector,
        size_band,
        region_fr_code,
        is_filed,
        submitted_at,
        signed_on
    from staging.thamm_plus_employer_engagement

),

ranked as (

    select
        project,
        submission_id,
        employer,
        sector,
        size_band,
        region_fr_code,
        is_filed,
        signed_on,
        row_number() over (
            partition by project, coalesce(duplicate_key, submission_id)
            order by submitted_at asc, submission_id asc
        ) as sending
    from engagements

),

final as (

    select
        project,
        submission_id,
        employer,
        sector,
        size_band,
        region_fr_code,
        is_filed,
        signed_on
    from ranked
    where sending = 1

)

select * from final
