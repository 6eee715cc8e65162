-- The periods of a project of 36 months from 2026-03-01, as an analyst would keep them in a table.
create table bench.period as
with

months as (

    select cast(month as date) as month
    from generate_series(date '2026-03-01', date '2029-02-01', interval '1 month') as month

),

spans as (

    select
        'quarter' as kind,
        3 as months
    union all
    select
        'semester' as kind,
        6 as months
    union all
    select
        'year' as kind,
        12 as months

),

calendar as (

    select
        spans.kind,
        case spans.kind
            when 'quarter' then to_char(start, 'YYYY"-Q"Q')
            when 'semester' then to_char(start, 'YYYY"-S"') || case when extract(month from start) < 7 then 1 else 2 end
            else to_char(start, 'YYYY')
        end as label,
        cast(start as date) as starts_on,
        cast(start + make_interval(months => spans.months) as date) - 1 as ends_on
    from spans
    cross join generate_series(date '2026-01-01', date '2029-02-28', make_interval(months => spans.months)) as start

),

project_years as (

    select
        'A' || number as label,
        cast(date '2026-03-01' + make_interval(years => number - 1) as date) as starts_on,
        cast(date '2026-03-01' + make_interval(years => number) as date) - 1 as ends_on
    from generate_series(1, 3) as number

)

select
    'month' as kind,
    to_char(month, 'YYYY-MM') as label,
    month as starts_on,
    cast(month + interval '1 month' as date) - 1 as ends_on
from months
union all
select
    'to_date' as kind,
    to_char(month, 'YYYY-MM') as label,
    date '2026-03-01' as starts_on,
    cast(month + interval '1 month' as date) - 1 as ends_on
from months
union all
select
    kind,
    label,
    starts_on,
    ends_on
from calendar
union all
select
    'project_year' as kind,
    label,
    starts_on,
    ends_on
from project_years
