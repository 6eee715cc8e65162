-- The sum of a value over the records; a record without value adds nothing and is still a record. No record is 0; records
-- of which none has a value are not.
-- One row of records per slice and dimensions.
tallies as (

    select
        membership.category,
        coded.slice,
        sum(coded.total) as total,
        sum(coded.known) as known,
        sum(coded.units) as units
    from coded
    inner join membership on coded.combo = membership.combo
    group by membership.category, coded.slice

),

reduced as (

    select
        covers.period_id,
        tallies.category,
        sum(tallies.total) as total,
        sum(tallies.known) as known,
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
        case when coalesce(reduced.units, 0) = 0 then 0 when reduced.known > 0 then trim_scale(reduced.total) end as numerator,
        cast(null as numeric) as denominator,
        case when coalesce(reduced.units, 0) = 0 then 0 when reduced.known > 0 then trim_scale(reduced.total) end as value,
        coalesce(reduced.units, 0) as units,
        cast(null as numeric) as ci_low,
        cast(null as numeric) as ci_high
    from periods
    cross join named
    left join reduced
        on
            periods.period_id = reduced.period_id
            and named.category = reduced.category

)

select * from final
