-- The share of a survey's records for which a condition holds, with its interval of 95 %.
-- Of each record: y, whether it says yes; x, whether it was asked and answered; w, its weight. The share is R = Σwy / Σwx.
-- Simple sample: Wilson's interval over the records asked. Otherwise the variance of R is that of its linearised values
-- z = w (y - R x) / Σwx, by stratum, over every record sampled in the period (those of other categories have z = 0):
--   Σ over strata of (1 - n/N) · n/(n - 1) · (Σz² - (Σz)²/n),
-- where a stratum of which one record was sampled counts its z² whole (deviation from the mean of all, which is 0), and
-- n/N is 0 where the population N is not known. Wilson's interval is then that of the sample of simple records which would
-- have this variance (Kott and Carr, 1997); of the records asked, where the variance is 0.
-- y and x are 0 or 1, so Σ(wy)² is Σw²y. One row of records per slice, dimensions, stratum and round (`wave`, empty where
-- the survey has none). A round begins with the first slice in which it has a record.
waves as (

    select
        wave,
        min(slice) as began
    from coded
    group by wave

),

-- Of the rounds met in a period, the one that began last: it alone is the period's sample.
standing_waves as (

    select
        period_id,
        wave
    from (
        select
            met.period_id,
            met.wave,
            row_number() over (partition by met.period_id order by waves.began desc, met.wave collate "C" desc) as place
        from (
            select distinct
                covers.period_id,
                coded.wave
            from coded
            inner join covers on coded.slice = covers.slice
        ) as met
        inner join waves on met.wave = waves.wave
    ) as placed
    where place = 1

),

tallies as (

    select
        membership.category,
        coded.slice,
        coded.wave,
        coded.stratum,
        sum(coded.sampled) as sampled,
        sum(coded.asked) as asked,
        sum(coded.weighted_yes) as weighted_yes,
        sum(coded.weighted_asked) as weighted_asked,
        sum(coded.squared_yes) as squared_yes,
        sum(coded.squared_asked) as squared_asked
    from coded
    inner join membership on coded.combo = membership.combo
    group by membership.category, coded.slice, coded.wave, coded.stratum

),

reduced as (

    select
        covers.period_id,
        tallies.category,
        tallies.stratum,
        sum(tallies.sampled) as sampled,
        sum(tallies.asked) as asked,
        sum(tallies.weighted_yes) as weighted_yes,
        sum(tallies.weighted_asked) as weighted_asked,
        sum(tallies.squared_yes) as squared_yes,
        sum(tallies.squared_asked) as squared_asked
    from tallies
    inner join covers on tallies.slice = covers.slice
    inner join standing_waves
        on
            covers.period_id = standing_waves.period_id
            and tallies.wave = standing_waves.wave
    group by covers.period_id, tallies.category, tallies.stratum

),

-- How many records of a stratum were sampled in the period, and how many units each of them stands for.
strata as (

    select
        reduced.period_id,
        reduced.stratum,
        cast(reduced.sampled as numeric) as sampled,
        case when options.expands then cast(populations.population as numeric) / reduced.sampled else 1 end as factor,
        case
            when populations.population is null then 1
            else greatest(1 - reduced.sampled / cast(populations.population as numeric), 0)
        end as left_out
    from reduced
    inner join named
        on
            reduced.category = named.category
            and named.disaggregation = '{}'
    cross join options
    left join populations on reduced.stratum = populations.stratum

),

weighted as (

    select
        reduced.period_id,
        reduced.category,
        strata.sampled,
        strata.left_out,
        reduced.asked,
        strata.factor * reduced.weighted_yes as yes,
        strata.factor * reduced.weighted_asked as answered,
        strata.factor * strata.factor * reduced.squared_yes as squared_yes,
        strata.factor * strata.factor * reduced.squared_asked as squared_answered
    from reduced
    inner join strata
        on
            reduced.period_id = strata.period_id
            and reduced.stratum = strata.stratum

),

shares as (

    select
        period_id,
        category,
        sum(asked) as asked,
        sum(yes) as yes,
        sum(answered) as answered,
        sum(yes) / nullif(sum(answered), 0) as share
    from weighted
    group by period_id, category

),

residuals as (

    select
        weighted.period_id,
        weighted.category,
        weighted.sampled,
        weighted.left_out,
        (
            weighted.squared_yes * (1 - 2 * shares.share)
            + shares.share * shares.share * weighted.squared_answered
        ) / (shares.answered * shares.answered) as squares,
        (weighted.yes - shares.share * weighted.answered) / shares.answered as total
    from weighted
    inner join shares
        on
            weighted.period_id = shares.period_id
            and weighted.category = shares.category
    where shares.answered > 0

),

variances as (

    select
        period_id,
        category,
        sum(
            left_out * case
                when sampled > 1 then sampled / (sampled - 1) * (squares - total * total / sampled)
                else squares
            end
        ) as variance
    from residuals
    group by period_id, category

),

-- The size of the simple sample that would be as precise.
sizes as (

    select
        shares.*,
        case
            when options.is_simple then shares.asked
            when variances.variance > 0.000000000000001 and shares.share > 0 and shares.share < 1
                then shares.share * (1 - shares.share) / variances.variance
            else shares.asked
        end as size,
        1.959963984540054 * 1.959963984540054 as z_squared
    from shares
    cross join options
    left join variances
        on
            shares.period_id = variances.period_id
            and shares.category = variances.category

),

intervals as (

    select
        period_id,
        category,
        greatest(centre - reach, 0) as low,
        least(centre + reach, 1) as high
    from (
        select
            period_id,
            category,
            (share + z_squared / (2 * size)) / (1 + z_squared / size) as centre,
            sqrt(z_squared * (share * (1 - share) / size + z_squared / (4 * size * size))) / (1 + z_squared / size) as reach
        from sizes
        where asked > 0
    ) as reached

),

final as (

    select
        periods.period_kind,
        periods.period,
        periods.period_start,
        periods.period_end,
        named.disaggregation,
        coalesce(trim_scale(shares.yes), 0) as numerator,
        coalesce(trim_scale(shares.answered), 0) as denominator,
        trim_scale(options.scale * shares.share) as value,
        coalesce(shares.asked, 0) as units,
        trim_scale(round(options.scale * intervals.low, 10)) as ci_low,
        trim_scale(round(options.scale * intervals.high, 10)) as ci_high
    from periods
    cross join named
    cross join options
    left join shares
        on
            periods.period_id = shares.period_id
            and named.category = shares.category
    left join intervals
        on
            periods.period_id = intervals.period_id
            and named.category = intervals.category

)

select * from final
