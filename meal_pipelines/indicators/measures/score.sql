-- The level that each unit last had as of the end of each period, on a scale whose steps have an order but no size: levels
-- are counted and ranked, never added. A unit's level stands from its slice until the slice of its next one.
changes as (

    select
        moved.combo,
        moved.slice,
        moved.value,
        sum(moved.units) as units
    from (
        select combo, slice, value, 1 as units from stays
        union all
        select combo, next_slice, value, -1 from stays where next_slice is not null
    ) as moved
    group by moved.combo, moved.slice, moved.value

),

tallies as (

    select
        membership.category,
        changes.slice,
        changes.value,
        sum(changes.units) as units
    from changes
    inner join membership on changes.combo = membership.combo
    group by membership.category, changes.slice, changes.value

),

standing as (

    select
        periods.period_id,
        tallies.category,
        tallies.value,
        sum(tallies.units) as units
    from tallies
    inner join periods on tallies.slice <= periods.last_slice
    group by periods.period_id, tallies.category, tallies.value

),

cumulated as (

    select
        period_id,
        category,
        value,
        units,
        sum(units) over (partition by period_id, category order by value) as units_upto,
        sum(units) over (partition by period_id, category) as all_units
    from standing

),

-- The lower of the two middle levels: a level between two levels does not exist.
reduced as (

    select
        period_id,
        category,
        min(value) filter (where units > 0 and 2 * units_upto >= all_units) as level,
        max(all_units) as units
    from cumulated
    group by period_id, category

),

final as (

    select
        periods.period_kind,
        periods.period,
        periods.period_start,
        periods.period_end,
        named.disaggregation,
        cast(null as numeric) as numerator,
        cast(null as numeric) as denominator,
        case
            when options.total = 'distribution' then coalesce(reduced.units, 0)
            when reduced.units > 0 then trim_scale(reduced.level)
        end as value,
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
