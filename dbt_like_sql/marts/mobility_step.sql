-- One row per step of a person's mobility path. A step sent twice (same person, step and day) counts once: the earliest stays,
-- unless only a later one carries the confirmation of the entry, which OFII and employers often give afterwards.
-- The delay exists on arrival only: paths still under way are not counted (right censoring).
with

steps as (

    select
        project,
        submission_id,
        person_id,
        card_id,
        step,
        sex,
        age_band,
        sector,
        region_code,
        is_renewal,
        contract_type,
        employer,
        offer_validated_on,
        is_confirmed,
        submitted_at,
        step_on
    from staging.thamm_plus_mobility_step

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
        region_code
    from marts.person

),

-- Whoever showed a card is the person to whom the registration gave it.
recognised as (

    select
        steps.project,
        steps.submission_id,
        steps.step,
        steps.sex,
        steps.age_band,
        steps.sector,
        steps.region_code,
        steps.is_renewal,
        steps.contract_type,
        steps.employer,
        steps.offer_validated_on,
        steps.is_confirmed,
        steps.submitted_at,
        steps.step_on,
        coalesce(cards.person_id, steps.person_id) as person_id
    from steps
    left join cards
        on
            steps.project = cards.project
            and steps.card_id = cards.card_id

),

ranked as (

    select
        project,
        submission_id,
        person_id,
        step,
        sex,
        age_band,
        sector,
        region_code,
        is_renewal,
        contract_type,
        employer,
        offer_validated_on,
        is_confirmed,
        step_on,
        row_number() over (
            partition by project, coalesce(person_id, submission_id), step, step_on
            order by is_confirmed desc nulls last, submitted_at asc, submission_id asc
        ) as sending
    from recognised

),

final as (

    select
        ranked.project,
        ranked.submission_id,
        ranked.person_id,
        ranked.step,
        coalesce(persons.sex, ranked.sex) as sex,
        coalesce(persons.age_band, ranked.age_band) as age_band,
        ranked.sector,
        coalesce(persons.region_code, ranked.region_code) as region_code,
        ranked.is_renewal,
        ranked.contract_type,
        ranked.employer,
        ranked.offer_validated_on,
        ranked.is_confirmed,
        case
            when ranked.step = 'arrivee_poste' then ranked.step_on - ranked.offer_validated_on
        end as delay_days,
        ranked.step_on
    from ranked
    left join persons
        on
            ranked.project = persons.project
            and ranked.person_id = persons.person_id
    where ranked.sending = 1

)

select * from final
