-- One row per person who attended a session. A session sent twice (same duplicate_key) counts once: the earliest stays.
-- A person listed twice in one session counts once, on the first line.
with

prim2 as (

    select
        project,
        submission_id,
        repeat_index,
        person_id,
        card_id,
        duplicate_key,
        audience,
        training_type,
        institution,
        institution_type,
        job_function,
        country_code,
        sex,
        age_band,
        sector,
        region_code,
        was_presented,
        is_certified,
        attendance_pct,
        pre_score,
        post_score,
        submitted_at,
        held_on
    from staging.prim2_training_attendance

),

thamm_plus_candidates as (

    select
        project,
        submission_id,
        repeat_index,
        person_id,
        card_id,
        duplicate_key,
        audience,
        training_type,
        institution,
        institution_type,
        job_function,
        country_code,
        sex,
        age_band,
        sector,
        region_code,
        was_presented,
        is_certified,
        attendance_pct,
        pre_score,
        post_score,
        submitted_at,
        held_on
    from staging.thamm_plus_training_attendance

),

thamm_plus_agents as (

    select
        project,
        submission_id,
        repeat_index,
        person_id,
        card_id,
        duplicate_key,
        audience,
        training_type,
        institution,
        institution_type,
        job_function,
        country_code,
        sex,
        age_band,
        sector,
        region_code,
        was_presented,
        is_certified,
        attendance_pct,
        pre_score,
        post_score,
        submitted_at,
        held_on
    from staging.thamm_plus_agent_training

),

attendances as (

    select
        project,
        submission_id,
        repeat_index,
        person_id,
        card_id,
        duplicate_key,
        audience,
        training_type,
        institution,
        institution_type,
        job_function,
        country_code,
        sex,
        age_band,
        sector,
        region_code,
        was_presented,
        is_certified,
        attendance_pct,
        pre_score,
        post_score,
        submitted_at,
        held_on
    from prim2
    union all
    select
        project,
        submission_id,
        repeat_index,
        person_id,
        card_id,
        duplicate_key,
        audience,
        training_type,
        institution,
        institution_type,
        job_function,
        country_code,
        sex,
        age_band,
        sector,
        region_code,
        was_presented,
        is_certified,
        attendance_pct,
        pre_score,
        post_score,
        submitted_at,
        held_on
    from thamm_plus_candidates
    union all
    select
        project,
        submission_id,
        repeat_index,
        person_id,
        card_id,
        duplicate_key,
        audience,
        training_type,
        institution,
        institution_type,
        job_function,
        country_code,
        sex,
        age_band,
        sector,
        region_code,
        was_presented,
        is_certified,
        attendance_pct,
        pre_score,
        post_score,
        submitted_at,
        held_on
    from thamm_plus_agents

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
        attendances.project,
        attendances.submission_id,
        attendances.repeat_index,
        attendances.duplicate_key,
        attendances.audience,
        attendances.training_type,
        attendances.institution,
        attendances.institution_type,
        attendances.job_function,
        attendances.country_code,
        attendances.sex,
        attendances.age_band,
        attendances.sector,
        attendances.region_code,
        attendances.was_presented,
        attendances.is_certified,
        attendances.attendance_pct,
        attendances.pre_score,
        attendances.post_score,
        attendances.submitted_at,
        attendances.held_on,
        coalesce(cards.person_id, attendances.person_id) as person_id
    from attendances
    left join cards
        on
            attendances.project = cards.project
            and attendances.card_id = cards.card_id

),

ranked as (

    select
        project,
        submission_id,
        repeat_index,
        person_id,
        audience,
        training_type,
        institution,
        institution_type,
        job_function,
        country_code,
        sex,
        age_band,
        sector,
        region_code,
        was_presented,
        is_certified,
        attendance_pct,
        pre_score,
        post_score,
        held_on,
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
        ranked.audience,
        ranked.training_type,
        ranked.institution,
        ranked.institution_type,
        ranked.job_function,
        ranked.country_code,
        coalesce(persons.sex, ranked.sex) as sex,
        coalesce(persons.age_band, ranked.age_band) as age_band,
        ranked.sector,
        coalesce(persons.region_code, ranked.region_code) as region_code,
        ranked.attendance_pct >= 80 as is_completed,
        ranked.was_presented,
        coalesce(ranked.is_certified, false) as is_certified,
        round(ranked.attendance_pct, 1) as attendance_pct,
        ranked.pre_score,
        ranked.post_score,
        ranked.held_on
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
