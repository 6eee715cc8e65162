-- One row per assessment. The first one of each organisation, verified, a year or more after the support began, is counted.
with

assessments as (

    select
        project,
        submission_id,
        organisation_id,
        organisation_category,
        region_code,
        is_verified,
        measures_applied,
        support_started_on,
        assessed_on,
        is_verified and assessed_on - support_started_on >= 365 as is_due
    from staging.prim2_gender_assessment

),

ranked as (

    select
        project,
        submission_id,
        organisation_id,
        organisation_category,
        region_code,
        is_verified,
        measures_applied,
        support_started_on,
        assessed_on,
        is_due,
        row_number() over (
            partition by project, organisation_id, is_due
            order by assessed_on asc, submission_id asc
        ) as place
    from assessments

),

final as (

    select
        project,
        submission_id,
        organisation_id,
        organisation_category,
        region_code,
        is_verified,
        measures_applied,
        coalesce(is_due and place = 1, false) as is_counted,
        support_started_on,
        assessed_on
    from ranked

)

select * from final
