-- One row per cohort interview. An interview sent twice (same person and day) counts once: the earliest stays.
-- Cost and income come from the same person; the exchange rate is the seed's, illustrative until the rule is confirmed.
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
        support_type,
        was_supported,
        situation,
        recruitment_cost_mad,
        monthly_income_eur,
        submitted_at,
        returned_on,
        surveyed_on
    from staging.thamm_plus_return_survey

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

rates as (

    select
        cast(valid_from as date) as valid_from,
        cast(rate as numeric) as mad_per_eur
    from marts.exchange_rate
    where
        base_currency = 'EUR'
        and quote_currency = 'MAD'

),

-- each rate holds until the day the next one begins
rate_periods as (

    select
        valid_from,
        mad_per_eur,
        lead(valid_from) over (order by valid_from) as valid_until
    from rates

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
        surveys.support_type,
        surveys.was_supported,
        surveys.situation,
        surveys.recruitment_cost_mad,
        surveys.monthly_income_eur,
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
        support_type,
        was_supported,
        situation,
        recruitment_cost_mad,
        monthly_income_eur,
        returned_on,
        surveyed_on,
        row_number() over (
            partition by project, coalesce(person_id, submission_id), surveyed_on
            order by submitted_at asc, submission_id asc
        ) as sending
    from recognised

),

converted as (

    select
        ranked.project,
        ranked.submission_id,
        ranked.person_id,
        ranked.sex,
        ranked.age_band,
        ranked.sector,
        ranked.region_code,
        ranked.contract_type,
        ranked.is_renewal,
        ranked.support_type,
        ranked.was_supported,
        ranked.situation,
        ranked.recruitment_cost_mad,
        ranked.monthly_income_eur,
        ranked.monthly_income_eur * rate_periods.mad_per_eur as monthly_income_mad,
        ranked.returned_on,
        ranked.surveyed_on
    from ranked
    left join rate_periods
        on
            ranked.surveyed_on >= rate_periods.valid_from
            and (rate_periods.valid_until is null or ranked.surveyed_on < rate_periods.valid_until)
    where ranked.sending = 1

),

final as (

    select
        converted.project,
        converted.submission_id,
        converted.person_id,
        coalesce(persons.sex, converted.sex) as sex,
        coalesce(persons.age_band, converted.age_band) as age_band,
        converted.sector,
        coalesce(persons.region_code, converted.region_code) as region_code,
        converted.contract_type,
        converted.is_renewal,
        converted.support_type,
        converted.was_supported,
        converted.situation,
        converted.recruitment_cost_mad,
        converted.monthly_income_eur,
        round(converted.monthly_income_mad, 2) as monthly_income_mad,
        round(converted.recruitment_cost_mad / nullif(converted.monthly_income_mad, 0), 4) as cost_in_months,
        converted.returned_on,
        converted.surveyed_on
    from converted
    left join persons
        on
            converted.project = persons.project
            and converted.person_id = persons.person_id

)

select * from final
