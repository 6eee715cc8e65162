-- A sum over a sum, divided anew in every period and category: ratios are never averaged.
-- One row of records per slice and dimensions; both sums are known in each of them.
tallies as (

    select
        membership.category,
        coded.slice,
        sum(coded.numerator) as numerator,
        sum(coded.denominator) as denominator,
        sum(coded.units) as units
    from coded
    inner join membership on coded.combo = membership.combo
    group by membership.category, coded.slice

),

reduced as (

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
        named.disaggregation,
        coalesce(trim_scale(reduced.numerator), 0) as numerator,
        coalesce(trim_scale(reduced.denominator), 0) as denominator,
        trim_scale(
            options.scale * trim_scale(reduced.numerator) / nullif(trim_scale(reduced.denominator), 0)
        ) as value,
        coalesce(reduced.units, 0) as units,
        cast(null as numeric) as ci_low,
        cast(null as numeric) as ci_high
    from periods
    cross join named
    cross join options
    left join reduced
        on
            periods.period_id = reduced.period_id
            and named.category = reduced.category

)

select * from final
