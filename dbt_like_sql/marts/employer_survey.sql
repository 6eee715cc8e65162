-- One row per end-of-season questionnaire to an employer. One sent twice (same duplicate_key) counts once: the earliest stays.
-- Satisfied: 4 or 5 of 5; not known of those who did not answer.
with

surveys as (

    select
        project,
        submission_id,
        duplicate_key,
        employer,
        sector,
        size_band,
        region_fr_code,
        has_responded,
        adequacy_score,
        would_hire_again,
        submitted_at,
        surveyed_on
    from staging.thamm_plus_employer_survey

),

ranked as (

    select
        project,
        submission_id,
        employer,
        sector,
        size_band,
        region_fr_code,
        has_responded,
        adequacy_score,
        would_hire_again,
        surveyed_on,
        row_number() over (
            partition by project, coalesce(duplicate_key, submission_id)
            order by submitted_at asc, submission_id asc
        ) as sending
    from surveys

),

final as (

    select
        project,
        submission_id,
        employer,
        sector,
        size_band,
        region_fr_code,
        has_responded,
        adequacy_score,
        adequacy_score >= 4 as is_satisfied,
        would_hire_again,
        surveyed_on
    from ranked
    where sending = 1

)

select * from final
