-- One row per movement of a job offer: its validation, and its cancellation, whose posts are negative.
with

offers as (

    select
        project,
        offer_id,
        movement,
        submission_id,
        employer,
        sector,
        season,
        contract_type,
        posts,
        effective_on
    from staging.thamm_plus_job_offer

),

final as (

    select
        project,
        offer_id,
        movement,
        submission_id,
        employer,
        sector,
        season,
        contract_type,
        posts,
        effective_on
    from offers

)

select * from final
