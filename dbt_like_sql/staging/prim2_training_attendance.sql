-- Participants of the training of officials and elected persons of PRIM 2 (F-FORM), who agreed to be listed.
-- Who passed the exit test (60 of 100) is taken for certified.
with

sessions as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        theme,
        organisme,
        region,
        heures_totales,
        date_fin
    from pseudonymised.prim2_formations

),

participants as (

    select
        submission_id,
        repeat_index,
        person_id,
        consentement,
        sexe,
        age_band,
        type_institution,
        fonction,
        heures_presence,
        score_pre,
        score_post
    from pseudonymised.prim2_formations__participants

),

final as (

    select
        cast('prim2' as text) as project,
        cast(sessions.submission_id as text) as submission_id,
        cast(participants.repeat_index as integer) as repeat_index,
        cast(participants.person_id as text) as person_id,
        cast(null as text) as card_id,
        cast(sessions.duplicate_key as text) as duplicate_key,
        cast('agent' as text) as audience,
        cast(sessions.theme as text) as training_type,
        cast(sessions.organisme as text) as institution,
        cast(participants.type_institution as text) as institution_type,
        cast(participants.fonction as text) as job_function,
        cast('ma' as text) as country_code,
        cast(participants.sexe as text) as sex,
        cast(participants.age_band as text) as age_band,
        cast(null as text) as sector,
        cast(sessions.region as text) as region_code,
        cast(participants.score_post is not null as boolean) as was_presented,
        cast(participants.score_post >= 60 as boolean) as is_certified,
        cast(100.0 * participants.heures_presence / nullif(sessions.heures_totales, 0) as numeric) as attendance_pct,
        cast(participants.score_pre as numeric) as pre_score,
        cast(participants.score_post as numeric) as post_score,
        cast(sessions.submitted_at as timestamptz) as submitted_at,
        cast(sessions.date_fin as date) as held_on
    from participants
    inner join sessions
        on participants.submission_id = sessions.submission_id
    where participants.consentement = 'oui'

)

select * from final
