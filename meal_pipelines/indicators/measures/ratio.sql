-- A sum over a sum, divided anew in every period and category: ratios are never averaged.
-- One row of records per slice and dimensions.
tallies as (

    select
        membership.category,
        records.slice,
        sum(records.numerator) as numerator,
        sum(records.denominator) as denominator,
        sum(records.units) as units
    from records
    inner join membership on records.dims = membership.dims
    group by membership.category, records.slice

),

summed as (

    select
        covers.period_id,
        tallies.category,
        sum(tallies.numerator) as numerator,
        sum(tallies.denominator) as denominator,
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
        coalesce(summed.numerator, 0) as numerator,
        coalesce(summed.denominator, 0) as denominator,
        options.scale * coalesce(summed.numerator, 0) / nullif(summed.denominator, 0) as value,
        coalesce(summed.units, 0) as units
    from periods
    cross join categories
    cross join options
    left join summed
        on
            periods.period_id = summed.period_id
            and categories.category = summed.category

)

select * from final
