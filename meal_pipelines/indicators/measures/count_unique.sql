-- How many distinct units have at least one record.
-- A unit counts in a period where it has a slice whose previous one (of the same unit, in the same category) lies
-- before the period: so distinct units are found once, slice by slice, and every period is a sum.
-- One row of records per unit, slice and dimensions.
unit_numbers as (

    select
        seen.unit,
        cast(row_number() over () as int) as unit_number
    from (select distinct unit from coded) as seen

),

presences as (

    select
        unit_numbers.unit_number,
        coded.combo,
        coded.slice
    from coded
    inner join unit_numbers on coded.unit = unit_numbers.unit

),

chains as materialized (

    select
        unit_number,
        combo,
        slice,
        lag(slice, 1, 0) over (partition by unit_number order by slice) as previous_slice,
        min(combo) over whole = max(combo) over whole as is_steady
    from presences
    window whole as (partition by unit_number)

),

-- Units whose dimensions never change have the same chain in all their categories.
steady as (

    select
        counted.slice,
        counted.previous_slice,
        membership.category,
        counted.units
    from (
        select
            combo,
            slice,
            previous_slice,
            count(*) as units
        from chains
        where is_steady
        group by combo, slice, previous_slice
    ) as counted
    inner join membership on counted.combo = membership.combo

),

-- The others have one chain per category. Met twice in a slice, they have that slice for previous one: no period begins
-- after it, so the second time never counts.
changing as (

    select
        chains.slice,
        membership.category,
        lag(chains.slice, 1, 0) over (
            partition by membership.category, chains.unit_number
            order by chains.slice
        ) as previous_slice
    from chains
    inner join membership on chains.combo = membership.combo
    where not chains.is_steady

),

arrivals as (

    select
        category,
        slice,
        previous_slice,
        sum(units) as units
    from (
        select category, slice, previous_slice, units from steady
        union all
        select category, slice, previous_slice, 1 from changing
    ) as each_unit
    group by category, slice, previous_slice

),

reduced as (

    select
        covers.period_id,
        arrivals.category,
        sum(arrivals.units) as units
    from arrivals
    inner join covers on arrivals.slice = covers.slice
    where arrivals.previous_slice < covers.first_slice
    group by covers.period_id, arrivals.category

),

final as (

    select
        periods.period_kind,
        periods.period,
        periods.period_start,
        periods.period_end,
        named.disaggregation,
        coalesce(reduced.units, 0) as numerator,
        cast(null as numeric) as denominator,
        coalesce(reduced.units, 0) as value,
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
