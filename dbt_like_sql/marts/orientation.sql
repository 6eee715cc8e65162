-- One row per orientation interview of a candidate. An interview sent twice (same duplicate_key) counts once: the earliest stays.
-- What the registration says of the person comes before what was noted on the day.
with

orientations as (

    select
        project,
        submission_id,
        person_id,
        duplicate_key,
        sex,
        age_band,
        sector,
        region_code,
        is_renewal,
        contract_type,
        submitted_at,
        oriented_on
    from staging.thamm_plus_orientation

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

ranked as (

    select
        project,
        submission_id,
        person_id,
        sex,
        age_band,
        sector,
        region_code,
        is_renewal,
        contract_type,
        oriented_on,
        row_number() over (
            partition by project, coalesce(duplicate_key, submission_id)
            order by submitted_at asc, submission_id asc
        ) as sending
    from orientations

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
        ranked.is_renewal,
        ranked.contract_type,
        ranked.oriented_on
    from ranked
    left join persons
        on
            ranked.project = persons.project
            and ranked.person_id = persons.person_id
    where ranked.sending = 1

)

select * from final
