-- The most recent value of each unit as of the end of each period. A unit's value stands from its slice until the slice
-- of its next one, so what stands at any moment is a sum of what came and what went.
changes as (

    select
        moved.combo,
        moved.slice,
        sum(moved.value) as total,
        sum(moved.units) as units
    from (
        select combo, slice, value, 1 as units from stays
        union all
        select combo, next_slice, -value, -1 from stays where next_slice is not null
    ) as moved
    group by moved.combo, moved.slice

),

tallies as (

    select
        membership.category,
        changes.slice,
        sum(changes.total) as total,
        sum(changes.units) as units
    from changes
    inner join membership on changes.combo = membership.combo
    group by membership.category, changes.slice

),

reduced as (

    select
        periods.period_id,
        tallies.category,
        sum(tallies.total) as total,
        sum(tallies.units) as units
    from tallies
    inner join periods on tallies.slice <= periods.last_slice
    group by periods.period_id, tallies.category

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
            when options.total = 'mean' then trim_scale(trim_scale(reduced.total) / nullif(reduced.units, 0))
            when reduced.units > 0 then trim_scale(reduced.total)
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
    -- Levels of several units have no total unless the logframe says which.
    where
        options.total <> 'none'
        or (named.disaggregation <> '{}' and coalesce(reduced.units, 0) <= 1)

)

select * from final
