-- One row per value that a partner declares as an aggregate. Whether the logframe knows what is declared is judged where
-- indicators are published; nothing here is counted with persons.
with

declarations as (

    select
        project,
        form,
        submission_id,
        indicator,
        period_kind,
        period,
        dimension,
        category,
        value,
        units,
        method,
        source,
        declared_by,
        received_on
    from staging.thamm_plus_declaration

),

final as (

    select
        project,
        form,
        submission_id,
        indicator,
        period_kind,
        period,
        dimension,
        category,
        value,
        units,
        method,
        source,
        declared_by,
        received_on
    from declarations

)

select * from final
