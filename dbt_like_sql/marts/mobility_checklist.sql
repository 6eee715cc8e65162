-- One row per departure that was checked against the list « parcours protecteur ». Checked several times, it counts once: the last check.
-- Sex, age and region are those of the registration: a check asks for the file number alone.
with

checks as (

    select
        project,
        submission_id,
        person_id,
        card_id,
        sector,
        contract_type,
        is_renewal,
        is_contract_understood,
        is_copy_given,
        is_without_illicit_fee,
        is_housing_compliant,
        is_socially_covered,
        is_complaint_channel_known,
        submitted_at,
        departed_on,
        checked_on
    from staging.thamm_plus_mobility_checklist

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

-- The file number is that of the person to whom the registration gave it.
recognised as (

    select
        checks.project,
        checks.submission_id,
        checks.sector,
        checks.contract_type,
        checks.is_renewal,
        checks.is_contract_understood,
        checks.is_copy_given,
        checks.is_without_illicit_fee,
        checks.is_housing_compliant,
        checks.is_socially_covered,
        checks.is_complaint_channel_known,
        checks.submitted_at,
        checks.departed_on,
        checks.checked_on,
        coalesce(cards.person_id, checks.person_id) as person_id
    from checks
    left join cards
        on
            checks.project = cards.project
            and checks.card_id = cards.card_id

),

ranked as (

    select
        project,
        submission_id,
        person_id,
        sector,
        contract_type,
        is_renewal,
        is_contract_understood,
        is_copy_given,
        is_without_illicit_fee,
        is_housing_compliant,
        is_socially_covered,
        is_complaint_channel_known,
        departed_on,
        checked_on,
        row_number() over (
            partition by project, coalesce(person_id, submission_id), departed_on
            order by checked_on desc, submitted_at desc, submission_id desc
        ) as recency
    from recognised

),

final as (

    select
        ranked.project,
        ranked.submission_id,
        ranked.person_id,
        persons.sex,
        persons.age_band,
        ranked.sector,
        persons.region_code,
        ranked.contract_type,
        ranked.is_renewal,
        ranked.is_contract_understood,
        ranked.is_copy_given,
        ranked.is_without_illicit_fee,
        ranked.is_housing_compliant,
        ranked.is_socially_covered,
        ranked.is_complaint_channel_known,
        (
            ranked.is_contract_understood
            and ranked.is_copy_given
            and ranked.is_without_illicit_fee
            and ranked.is_housing_compliant
            and ranked.is_socially_covered
            and ranked.is_complaint_channel_known
        ) as is_protective,
        ranked.departed_on,
        ranked.checked_on
    from ranked
    left join persons
        on
            ranked.project = persons.project
            and ranked.person_id = persons.person_id
    where ranked.recency = 1

)

select * from final
