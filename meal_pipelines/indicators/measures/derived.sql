-- One indicator over another, divided again in every period and category.
-- Given: measured (the values of the project's indicators), groupings, and options.
with

denominators as (

    select
        measured.period_kind,
        measured.period,
        measured.period_start,
        measured.period_end,
        measured.disaggregation,
        measured.value,
        measured.units
    from measured
    inner join options on measured.indicator = options.denominator
    where exists (
        select 1
        from groupings
        where
            groupings.dimensions @> array(select jsonb_object_keys(measured.disaggregation))
            and groupings.dimensions <@ array(select jsonb_object_keys(measured.disaggregation))
    )

),

numerators as (

    select
        measured.period_kind,
        measured.period,
        measured.disaggregation,
        measured.value
    from measured
    inner join options on measured.indicator = options.numerator

),

-- A category without a numerator counts as the numerator's measure says of « nothing »: 0 for a count, empty otherwise.
paired as (

    select
        denominators.period_kind,
        denominators.period,
        denominators.period_start,
        denominators.period_end,
        denominators.disaggregation,
        case when numerators.period is null then options.when_absent else numerators.value end as numerator,
        denominators.value as denominator,
        options.scale,
        denominators.units
    from denominators
    cross join options
    left join numerators
        on
            denominators.period_kind = numerators.period_kind
            and denominators.period = numerators.period
            and denominators.disaggregation || options.numerator_where = numerators.disaggregation

),

final as (

    select
        period_kind,
        period,
        period_start,
        period_end,
        disaggregation,
        numerator,
        denominator,
        trim_scale(scale * numerator / nullif(denominator, 0)) as value,
        units,
        cast(null as numeric) as ci_low,
        cast(null as numeric) as ci_high
    from paired

)

select * from final
