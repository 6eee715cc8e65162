-- The median of a value over the records of each period, never a median of medians.
-- Values are dealt into buckets in increasing order. Counts per slice say in which bucket the middle of a period lies,
-- and only that bucket's values are looked at: the work does not grow with the number of periods times the records.
-- One row of records per slice, dimensions and value.
buckets as (

    select
        different.value,
        ntile(100) over (order by different.value) as bucket
    from (select distinct value from records) as different

),

weights as materialized (

    select
        combos.combo,
        records.slice,
        records.value,
        records.units,
        buckets.bucket
    from records
    inner join combos on records.dims = combos.dims
    inner join buckets on records.value = buckets.value

),

tallies as materialized (

    select
        membership.category,
        weights.slice,
        weights.bucket,
        cast(sum(weights.units) as bigint) as units
    from weights
    inner join membership on weights.combo = membership.combo
    group by membership.category, weights.slice, weights.bucket

),

depths as (

    select
        covers.period_id,
        tallies.category,
        tallies.bucket,
        cast(sum(tallies.units) as bigint) as units
    from tallies
    inner join covers on tallies.slice = covers.slice
    group by covers.period_id, tallies.category, tallies.bucket

),

cumulated as (

    select
        period_id,
        category,
        bucket,
        cast(sum(units) over (partition by period_id, category order by bucket) as bigint) as units_upto,
        cast(sum(units) over (partition by period_id, category order by bucket) as bigint) - units as units_before,
        cast(sum(units) over (partition by period_id, category) as bigint) as units
    from depths

),

-- The slices and buckets that hold the two middle ranks (the same one twice when the number of records is odd).
middles as materialized (

    select
        cumulated.period_id,
        cumulated.category,
        cumulated.bucket,
        covers.slice,
        cumulated.units_before,
        cumulated.units,
        (cumulated.units + 1) / 2 as low_rank,
        cumulated.units / 2 + 1 as high_rank
    from cumulated
    inner join covers on cumulated.period_id = covers.period_id
    where
        (cumulated.units + 1) / 2 <= cumulated.units_upto
        and cumulated.units / 2 + 1 > cumulated.units_before

),

ranked as (

    select
        middles.period_id,
        middles.category,
        middles.units,
        middles.low_rank,
        middles.high_rank,
        weights.value,
        middles.units_before + sum(weights.units) over (
            partition by middles.period_id, middles.category, middles.bucket
            order by weights.value
        ) as units_upto
    from weights
    inner join membership on weights.combo = membership.combo
    inner join middles
        on
            weights.slice = middles.slice
            and weights.bucket = middles.bucket
            and membership.category = middles.category

),

medians as (

    select
        period_id,
        category,
        units,
        (
            min(value) filter (where units_upto >= low_rank)
            + min(value) filter (where units_upto >= high_rank)
        ) / 2 as value
    from ranked
    group by period_id, category, units

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
        trim_scale(medians.value) as value,
        coalesce(medians.units, 0) as units
    from periods
    cross join categories
    left join medians
        on
            periods.period_id = medians.period_id
            and categories.category = medians.category

)

select * from final
