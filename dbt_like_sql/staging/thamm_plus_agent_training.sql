-- Officials of the partner institutions who were trained (F-FORM), in sessions of their own, with their consent.
-- Who passed the exit test (60 of 100) is taken for certified.
with

sessions as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        consentement,
        theme,
        organisme,
        heures_totales,
        date_fin
    from pseudonymised.thamm_plus_formations_agents

),

participants as (

    select
        submission_id,
        repeat_index,
        person_id,
        sexe,
        age_band,
        institution_agent,
        pays_exercice,
        heures_presence,
        score_post
    from pseudonymised.thamm_plus_formations_agents__participants

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(sessions.submission_id as text) as submission_id,
        cast(participants.repeat_index as integer) as repeat_index,
        cast(participants.person_id as text) as person_id,
        cast(null as text) as card_id,
        cast(sessions.duplicate_key as text) as duplicate_key,
        cast('agent' as text) as audience,
        cast(sessions.theme as text) as training_type,
        cast(sessions.organisme as text) as institution,
        cast(participants.institution_agent as text) as institution_type,
        cast(null as text) as job_function,
        cast(lower(participants.pays_exercice) as text) as country_code,
        cast(participants.sexe as text) as sex,
        cast(participants.age_band as text) as age_band,
        cast(null as text) as sector,
        cast(null as text) as region_code,
        cast(participants.score_post is not null as boolean) as was_presented,
        cast(participants.score_post >= 60 as boolean) as is_certified,
        cast(100.0 * participants.heures_presence / nullif(sessions.heures_totales, 0) as numeric) as attendance_pct,
        cast(null as numeric) as pre_score,
        cast(participants.score_post as numeric) as post_score,
        cast(sessions.submitted_at as timestamptz) as submitted_at,
        cast(sessions.date_fin as date) as held_on
    from participants
    inner join sessions
        on participants.submission_id = sessions.submission_id
    where sessions.consentement = 'oui'

)

select * from final
