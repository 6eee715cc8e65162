-- Participants of the training sessions (F-FORM), with the dates and hours of their session.
with

sessions as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        consentement,
        type_formation,
        institution,
        secteur,
        heures_totales,
        date_fin
    from pseudonymised.thamm_plus_formations

),

participants as (

    select
        submission_id,
        repeat_index,
        person_id,
        card_id,
        sexe,
        age_band,
        region,
        heures_presence,
        score_pre,
        score_post,
        presente,
        certifie
    from pseudonymised.thamm_plus_formations__participants

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(sessions.submission_id as text) as submission_id,
        cast(participants.repeat_index as integer) as repeat_index,
        cast(participants.person_id as text) as person_id,
        cast(participants.card_id as text) as card_id,
        cast(sessions.duplicate_key as text) as duplicate_key,
        cast('candidat' as text) as audience,
        cast(sessions.type_formation as text) as training_type,
        cast(sessions.institution as text) as institution,
        cast(null as text) as institution_type,
        cast(null as text) as job_function,
        cast(null as text) as country_code,
        cast(participants.sexe as text) as sex,
        cast(participants.age_band as text) as age_band,
        cast(sessions.secteur as text) as sector,
        cast(participants.region as text) as region_code,
        cast(participants.presente = 'oui' as boolean) as was_presented,
        cast(participants.certifie = 'oui' as boolean) as is_certified,
        cast(100.0 * participants.heures_presence / nullif(sessions.heures_totales, 0) as numeric) as attendance_pct,
        cast(participants.score_pre as numeric) as pre_score,
        cast(participants.score_post as numeric) as post_score,
        cast(sessions.submitted_at as timestamptz) as submitted_at,
        cast(sessions.date_fin as date) as held_on
    from participants
    inner join sessions
        on participants.submission_id = sessions.submission_id
    where sessions.consentement = 'oui'

)

select * from final
