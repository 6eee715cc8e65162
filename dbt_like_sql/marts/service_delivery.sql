-- One row per person served by one delivery. A delivery sent twice (same duplicate_key) counts once: the earliest stays.
-- A person listed twice in one delivery counts once, on the first line; one who refused registration is a contact without person_id.
-- What the registration says of the person comes before what was noted on the day of the delivery.
with

deliveries as (

    select
        project,
        submission_id,
        repeat_index,
        person_id,
        card_id,
        duplicate_key,
        organisation,
        service_type,
        sex,
        age_band,
        target_group,
        region_code,
        province_code,
        submitted_at,
        delivered_on
    from staging.prim2_service_delivery

),

cards as (

    select
        project,
        card_id,
        person_id
    from marts.person_card

),

persons as (

    select
        project,
        person_id,
        sex,
        age_band,
        target_group
    from marts.person

),

-- Whoever showed a card is the person to whom the registration gave it.
recognised as (

    select
        deliveries.project,
        deliveries.submission_id,
        deliveries.repeat_index,
        deliveries.duplicate_key,
        deliveries.organisation,
        deliveries.service_type,
        deliveries.sex,
        deliveries.age_band,
        deliveries.target_group,
        deliveries.region_code,
        deliveries.province_code,
        deliveries.submitted_at,
        deliveries.delivered_on,
        coalesce(cards.person_id, deliveries.person_id) as person_id
    from deliveries
    left join cards
        on
            deliveries.project = cards.project
            and deliveries.card_id = cards.card_id

),

ranked as (

    select
        project,
        submission_id,
        repeat_index,
        person_id,
        organisation,
        service_type,
        sex,
        age_band,
        target_group,
        region_code,
        province_code,
        delivered_on,
        dense_rank() over (
            partition by project, coalesce(duplicate_key, submission_id)
            order by submitted_at asc, submission_id asc
        ) as sending,
        row_number() over (
            partition by project, submission_id, coalesce(person_id, cast(repeat_index as text))
            order by repeat_index asc
        ) as listing
    from recognised

),

final as (

    select
        ranked.project,
        ranked.submission_id,
        ranked.repeat_index,
        ranked.person_id,
        ranked.organisation,
        ranked.service_type,
        coalesce(persons.sex, ranked.sex) as sex,
        coalesce(persons.age_band, ranked.age_band) as age_band,
        coalesce(persons.target_group, ranked.target_group) as target_group,
        ranked.region_code,
        ranked.province_code,
        ranked.delivered_on
    from ranked
    left join persons
        on
            ranked.project = persons.project
            and ranked.person_id = persons.person_id
    where
        ranked.sending = 1
        and ranked.listing = 1

)

select * from final
