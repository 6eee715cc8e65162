-- One row per respondent of an anonymous survey; who refused is not a respondent.
with

final as (

    select
        project,
        survey,
        submission_id,
        wave,
        stratum,
        weight,
        service_type,
        sex,
        age_band,
        target_group,
        region_code,
        province_code,
        has_disability,
        has_sought_service,
        has_obtained_service,
        satisfaction_score,
        surveyed_on
    from staging.prim2_user_survey

)

select * from final
