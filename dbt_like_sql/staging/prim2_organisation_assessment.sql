-- Capacity grids of the CSOs of PRIM 2 (F-OCA), on entering and on leaving their grant: six functions, each from 1 to 4.
with

assessments as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        organisation,
        type_organisation,
        dirigee_par_femme,
        region,
        moment,
        date_evaluation,
        score_gouvernance,
        score_projets,
        score_finances,
        score_equipe,
        score_partenariats,
        score_genre
    from pseudonymised.prim2_capacites_osc

),

graded as (

    select
        submission_id,
        'gouvernance' as function_code,
        score_gouvernance as score
    from assessments
    union all
    select
        submission_id,
        'projets' as function_code,
        score_projets as score
    from assessments
    union all
    select
        submission_id,
        'finances' as function_code,
        score_finances as score
    from assessments
    union all
    select
        submission_id,
        'equipe' as function_code,
        score_equipe as score
    from assessments
    union all
    select
        submission_id,
        'partenariats' as function_code,
        score_partenariats as score
    from assessments
    union all
    select
        submission_id,
        'genre' as function_code,
        score_genre as score
    from assessments

),

final as (

    select
        cast('prim2' as text) as project,
        cast(assessments.submission_id as text) as submission_id,
        cast(graded.function_code as text) as function_code,
        cast(assessments.organisation as text) as organisation_id,
        cast(assessments.duplicate_key as text) as duplicate_key,
        cast(assessments.type_organisation as text) as organisation_type,
        cast(assessments.dirigee_par_femme = 'oui' as boolean) as is_women_led,
        cast(assessments.region as text) as region_code,
        cast(assessments.moment as text) as assessment_type,
        cast(graded.score as smallint) as score,
        cast(assessments.date_evaluation as date) as assessed_on,
        cast(assessments.submitted_at as timestamptz) as submitted_at
    from assessments
    inner join graded
        on assessments.submission_id = graded.submission_id

)

select * from final
