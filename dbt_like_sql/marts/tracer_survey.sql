-- One row per return that was followed up six months later. A person asked twice about one return counts once, as she first answered.
with

surveys as (

    select
        project,
        submission_id,
        person_id,
        card_id,
        sex,
        age_band,
        sector,
        region_code,
        contract_type,
        is_renewal,
        situation,
        submitted_at,
        returned_on,
        surveyed_on
    from staging.thamm_plus_tracer_survey

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
        surveys.project,
        surveys.submission_id,
        surveys.sex,
        surveys.age_band,
        surveys.sector,
        surveys.region_code,
        surveys.contract_type,
        surveys.is_renewal,
        surveys.situation,
        surveys.submitted_at,
        surveys.returned_on,
        surveys.surveyed_on,
        coalesce(cards.person_id, surveys.person_id) as person_id
    from surveys
    left join cards
        on
            surveys.project = cards.project
            and surveys.card_id = cards.card_id

),

ranked as (

    select
        project,
        submission_id,
        person_id,
        sex,
        age_band,
        sector,
        region_code,
        contract_type,
        is_renewal,
        situation,
        returned_on,
        surveyed_on,
        row_number() over (
            partition by project, coalesce(person_id, submission_id), returned_on
            order by surveyed_on asc, submitted_at asc, submission_id asc
        ) as sending
    from recognised

),

final as (

    select
        ranked.project,
        ranked.submission_id,
        ranked.person_id,
        coalesce(persons.sex, ranked.sex) as sex,
        coalesce(persons.age_band, ranked.age_band) as age_band,
        ranked.sector,
        coalesce(persons.region_code, ranked.region_code) as region_code,
        ranked.contract_type,
        ranked.is_renewal,
        ranked.situation,
        ranked.situation in ('emploi_salarie', 'activite_propre', 'nouvelle_mobilite') as is_active,
        ranked.returned_on,
        ranked.surveyed_on
    from ranked
    left join persons
        on
            ranked.project = persons.project
            and ranked.person_id = persons.person_id
    where ranked.sending = 1

)

select * from final
