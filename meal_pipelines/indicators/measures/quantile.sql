-- A quantile of a value over the records of each period, never one of others; the median is the one at 1/2.
-- Among n values in order, it stands at the place quantile × (n - 1), counted from 0: between two of them, in proportion
-- (percentile_cont). A value is the lower of the two when more than that place are not above it, the upper one when as many
-- lie below it. The quantile is quantile_above / quantile_of, so that places are compared without dividing.
-- Values are dealt into buckets in increasing order. Counts per slice say in which bucket the place of a period lies,
-- and only that bucket's values are looked at: the work does not grow with the number of periods times the records.
-- One row of records per slice, dimensions and value.
buckets as (

    select
        different.value,
        ntile(100) over (order by different.value) as bucket
    from (select distinct value from coded) as different

),

weights as materialized (

    select
        coded.combo,
        coded.slice,
        coded.value,
        coded.units,
        buckets.bucket
    from coded
    inner join buckets on coded.value = buckets.value

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

-- The slices and buckets that hold the two values.
middles as materialized (

    select
        cumulated.period_id,
        cumulated.category,
        cumulated.bucket,
        covers.slice,
        cumulated.units_before,
        cumulated.units
    from cumulated
    inner join covers on cumulated.period_id = covers.period_id
    cross join options
    where
        cumulated.units_upto * options.quantile_of > options.quantile_above * (cumulated.units - 1)
        and (cumulated.units_before - 1) * options.quantile_of < options.quantile_above * (cumulated.units - 1)

),

ranked as (

    select
        middles.period_id,
        middles.category,
        middles.units,
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

reduced as (

    select
        ranked.period_id,
        ranked.category,
        ranked.units,
        min(ranked.value) filter (
            where ranked.units_upto * options.quantile_of > options.quantile_above * (ranked.units - 1)
        ) as low_value,
        min(ranked.value) filter (
            where (ranked.units_upto - 1) * options.quantile_of >= options.quantile_above * (ranked.units - 1)
        ) as high_value
    from ranked
    cross join options
    group by ranked.period_id, ranked.category, ranked.units

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
        trim_scale(
            reduced.low_value
            + (reduced.high_value - reduced.low_value)
            * mod(cast(options.quantile_above * (reduced.units - 1) as numeric), options.quantile_of)
            / options.quantile_of
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
