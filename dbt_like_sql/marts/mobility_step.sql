-- One row per step of a person's mobility path. A step sent twice (same duplicate_key) counts once: the earliest stays,
-- unless only a later one carries the confirmation of the entry, which OFII and employers often give afterwards.
-- The delay exists on arrival only: paths still under way are not counted (right censoring).
with

steps as (

    select
        project,
        submission_id,
        person_id,
        duplicate_key,
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
            partition by project, coalesce(duplicate_key, submission_id)
            order by is_confirmed desc nulls last, submitted_at asc, submission_id asc
        ) as sending
    from steps

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
