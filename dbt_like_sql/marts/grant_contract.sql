-- One row per grant contract signed.
with

grants as (

    select
        project,
        grant_id,
        submission_id,
        organisation,
        organisation_type,
        is_women_led,
        call_code,
        region_code,
        gender_level,
        amount_mad,
        signed_on,
        ends_on
    from staging.prim2_grant_contract

),

final as (

    select
        project,
        grant_id,
        submission_id,
        organisation,
        organisation_type,
        is_women_led,
        call_code,
        region_code,
        gender_level,
        amount_mad,
        signed_on,
        ends_on
    from grants
    where signed_on is not null

)

select * from final
