-- Cards given to registered persons, and file numbers of registered candidates → one row per (project, card_id).
-- A card registered for two persons, by mistake, is that of the most recent registration.
with

prim2 as (

    select
        project,
        card_id,
        person_id,
        registered_on,
        submission_id
    from staging.prim2_person

),

thamm_plus as (

    select
        project,
        card_id,
        person_id,
        registered_on,
        submission_id
    from staging.thamm_plus_person

),

registrations as (

    select
        project,
        card_id,
        person_id,
        registered_on,
        submission_id
    from prim2
    union all
    select
        project,
        card_id,
        person_id,
        registered_on,
        submission_id
    from thamm_plus

),

ranked as (

    select
        project,
        card_id,
        person_id,
        row_number() over (
            partition by project, card_id
            order by registered_on desc nulls last, submission_id desc
        ) as recency,
        min(person_id) over (partition by project, card_id)
        <> max(person_id) over (partition by project, card_id) as is_shared
    from registrations
    where card_id is not null

),

final as (

    select
        project,
        card_id,
        person_id,
        is_shared
    from ranked
    where recency = 1

)

select * from final
