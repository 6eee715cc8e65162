-- The sum of a value over the records; a record without value adds nothing and is still a record.
-- One row of records per slice and dimensions.
tallies as (

    select
        membership.category,
        records.slice,
        sum(records.total) as total,
        sum(records.units) as units
    from records
    inner join membership on records.dims = membership.dims
    group by membership.category, records.slice

),

summed as (

    select
        covers.period_id,
        tallies.category,
        sum(tallies.total) as total,
        sum(tallies.units) as units
    from tallies
    inner join covers on tallies.slice = covers.slice
    group by covers.period_id, tallies.category

),

final as (

    select
        periods.period_kind,
        periods.period,
        periods.period_start,
        periods.period_end,
        categories.disaggregation,
        coalesce(summed.total, 0) as numerator,
        cast(null as numeric) as denominator,
        coalesce(summed.total, 0) as value,
        coalesce(summed.units, 0) as units
    from periods
    cross join categories
    left join summed
        on
            periods.period_id = summed.period_id
            and categories.category = summed.category

)

select * from final
