-- Maturity grids of ANAPEC's international placement (F-MAT): eight functions, each from 0 to 4.
with

assessments as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        date_cotation,
        niveau_prospection,
        niveau_offres,
        niveau_orientation,
        niveau_selection,
        niveau_preparation,
        niveau_formalites,
        niveau_suivi,
        niveau_retour
    from pseudonymised.thamm_plus_maturite_anapec

),

graded as (

    select
        submission_id,
        'prospection' as function_code,
        niveau_prospection as score
    from assessments
    union all
    select
        submission_id,
        'offres' as function_code,
        niveau_offres as score
    from assessments
    union all
    select
        submission_id,
        'orientation' as function_code,
        niveau_orientation as score
    from assessments
    union all
    select
        submission_id,
        'selection' as function_code,
        niveau_selection as score
    from assessments
    union all
    select
        submission_id,
        'preparation' as function_code,
        niveau_preparation as score
    from assessments
    union all
    select
        submission_id,
        'formalites' as function_code,
        niveau_formalites as score
    from assessments
    union all
    select
        submission_id,
        'suivi' as function_code,
        niveau_suivi as score
    from assessments
    union all
    select
        submission_id,
        'retour' as function_code,
        niveau_retour as score
    from assessments

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(assessments.submission_id as text) as submission_id,
        cast(graded.function_code as text) as function_code,
        cast('anapec' as text) as organisation_id,
        cast(assessments.duplicate_key as text) as duplicate_key,
        cast(null as text) as organisation_type,
        cast(null as boolean) as is_women_led,
        cast(null as text) as region_code,
        cast(null as text) as assessment_type,
        cast(graded.score as smallint) as score,
        cast(assessments.date_cotation as date) as assessed_on,
        cast(assessments.submitted_at as timestamptz) as submitted_at
    from assessments
    inner join graded
        on assessments.submission_id = graded.submission_id

)

select * from final
