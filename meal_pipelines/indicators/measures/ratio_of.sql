-- One count over another, divided in every period and category. Given: numerators, denominators and options.
with

-- A category without a line has nothing to count; one whose line is empty is not known.
paired as (

    select
        period_kind,
        period,
        coalesce(numerators.period_start, denominators.period_start) as period_start,
        coalesce(numerators.period_end, denominators.period_end) as period_end,
        disaggregation,
        case when numerators.period is null then 0 else numerators.value end as numerator,
        case when denominators.period is null then 0 else denominators.value end as denominator,
        coalesce(denominators.units, 0) as units
    from numerators
    full join denominators using (period_kind, period, disaggregation)

),

final as (

    select
        paired.period_kind,
        paired.period,
        paired.period_start,
        paired.period_end,
        paired.disaggregation,
        paired.numerator,
        paired.denominator,
        trim_scale(options.scale * paired.numerator / nullif(paired.denominator, 0)) as value,
        paired.units,
        cast(null as numeric) as ci_low,
        cast(null as numeric) as ci_high
    from paired
    cross join options

)

select * from final
