-- The most recent value of each unit as of the end of each period. A unit's value stands from its slice until the slice
-- of its next one, so what stands at any moment is a sum of what came and what went.
last_words as (

    select distinct on (unit, slice)
        unit,
        slice,
        dims,
        value
    from records
    order by
        unit asc,
        slice asc,
        dated_on desc,
        submission_id collate "C" desc,
        repeat_index desc,
        value desc,
        dims collate "C" desc

),

stays as (

    select
        dims,
        value,
        slice,
        lead(slice) over (partition by unit order by slice) as next_slice
    from last_words

),

changes as (

    select
        moved.dims,
        moved.slice,
        sum(moved.value) as total,
        sum(moved.units) as units
    from (
        select dims, slice, value, 1 as units from stays
        union all
        select dims, next_slice, -value, -1 from stays where next_slice is not null
    ) as moved
    group by moved.dims, moved.slice

),

tallies as (

    select
        membership.category,
        changes.slice,
        sum(changes.total) as total,
        sum(changes.units) as units
    from changes
    inner join membership on changes.dims = membership.dims
    group by membership.category, changes.slice

),

standing as (

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
        categories.disaggregation,
        cast(null as numeric) as numerator,
        cast(null as numeric) as denominator,
        case
            when options.total = 'mean' then trim_scale(standing.total / nullif(standing.units, 0))
            when standing.units > 0 then trim_scale(standing.total)
        end as value,
        coalesce(standing.units, 0) as units
    from periods
    cross join categories
    cross join options
    left join standing
        on
            periods.period_id = standing.period_id
            and categories.category = standing.category
    -- Levels of several units have no total unless the logframe says which.
    where
        options.total <> 'none'
        or (categories.disaggregation <> '{}' and coalesce(standing.units, 0) <= 1)

)

select * from final
