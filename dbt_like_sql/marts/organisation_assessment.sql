-- One row per assessment of an organisation and function of the grid. A grid sent twice (same duplicate_key) counts once.
-- Progress is that of the overall score since the organisation's first grid on entry; without two grids it is not known.
with

prim2 as (

    select
        project,
        submission_id,
        function_code,
        organisation_id,
        duplicate_key,
        organisation_type,
        is_women_led,
        region_code,
        assessment_type,
        score,
        assessed_on,
        submitted_at
    from staging.prim2_organisation_assessment

),

thamm_plus as (

    select
        project,
        submission_id,
        function_code,
        organisation_id,
        duplicate_key,
        organisation_type,
        is_women_led,
        region_code,
        assessment_type,
        score,
        assessed_on,
        submitted_at
    from staging.thamm_plus_organisation_assessment

),

graded as (

    select
        project,
        submission_id,
        function_code,
        organisation_id,
        duplicate_key,
        organisation_type,
        is_women_led,
        region_code,
        assessment_type,
        score,
        assessed_on,
        submitted_at
    from prim2
    union all
    select
        project,
        submission_id,
        function_code,
        organisation_id,
        duplicate_key,
        organisation_type,
        is_women_led,
        region_code,
        assessment_type,
        score,
        assessed_on,
        submitted_at
    from thamm_plus

),

ranked as (

    select
        project,
        submission_id,
        function_code,
        organisation_id,
        organisation_type,
        is_women_led,
        region_code,
        assessment_type,
        score,
        assessed_on,
        round(avg(score) over (partition by project, submission_id), 4) as overall_score,
        dense_rank() over (
            partition by project, coalesce(duplicate_key, submission_id)
            order by submitted_at asc, submission_id asc
        ) as sending
    from graded

),

entries as (

    select
        project,
        organisation_id,
        overall_score,
        assessed_on,
        row_number() over (
            partition by project, organisation_id
            order by assessed_on asc, submission_id asc, function_code asc
        ) as place
    from ranked
    where
        sending = 1
        and assessment_type = 'entree'

),

final as (

    select
        ranked.project,
        ranked.submission_id,
        ranked.function_code,
        ranked.organisation_id,
        ranked.organisation_type,
        ranked.is_women_led,
        ranked.region_code,
        ranked.assessment_type,
        ranked.score,
        ranked.overall_score,
        entries.overall_score as initial_score,
        ranked.overall_score - entries.overall_score >= 1 as has_progressed,
        ranked.assessed_on
    from ranked
    left join entries
        on
            ranked.project = entries.project
            and ranked.organisation_id = entries.organisation_id
            and ranked.assessment_type = 'sortie'
            and ranked.assessed_on > entries.assessed_on
            and entries.place = 1
    where ranked.sending = 1

)

select * from final
