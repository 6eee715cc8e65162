-- Opening of every measure over a mart.
-- Given: periods, groupings, declared, options, and the records that count, with the slice of time and the dimensions
-- they belong to; records that the measure does not tell apart are one row.
with

-- The combinations of dimensions that records have.
combos as materialized (

    select
        seen.dims,
        cast(row_number() over () as int) as combo
    from (select distinct dims from records) as seen

),

-- What a combination is called in each grouping: {} in the total, {"sex": "F"} by sex.
members as (

    select
        combos.combo,
        combos.dims,
        jsonb_object(
            groupings.dimensions,
            array(
                select combos.dims[asked.place]
                from unnest(groupings.places) with ordinality as asked (place, rank)
                order by asked.rank
            )
        ) as disaggregation
    from combos
    cross join groupings

),

-- Those seen in the records and those the logframe declares: a declared category without records has its line.
categories as materialized (

    select
        named.disaggregation,
        cast(row_number() over () as int) as category
    from (
        select disaggregation from members
        union
        select disaggregation from declared
    ) as named

),

membership as materialized (

    select
        members.combo,
        members.dims,
        categories.category
    from members
    inner join categories on members.disaggregation = categories.disaggregation

),

-- The slices of time each period is made of.
covers as (

    select
        periods.period_id,
        periods.first_slice,
        covered.slice
    from periods
    cross join generate_series(periods.first_slice, periods.last_slice) as covered (slice)

),
