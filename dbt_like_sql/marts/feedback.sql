-- One row per feedback or complaint received. One sent twice (same duplicate_key) counts once: the earliest stays.
-- An answer is due in 15 working days: neither Saturday, Sunday nor a public holiday of Morocco, where answers are written.
-- The n-th weekday after a day is known by itself; the r-th holiday that follows is in the delay when it comes no later than
-- the weekday that would end it if the r - 1 before were all in it, and the delay ends as many weekdays later as are in it.
with

prim2 as (

    select
        project,
        submission_id,
        duplicate_key,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        received_on,
        answered_on,
        submitted_at
    from staging.prim2_feedback

),

thamm_plus as (

    select
        project,
        submission_id,
        duplicate_key,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        received_on,
        answered_on,
        submitted_at
    from staging.thamm_plus_feedback

),

received as (

    select
        project,
        submission_id,
        duplicate_key,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        received_on,
        answered_on,
        submitted_at
    from prim2
    union all
    select
        project,
        submission_id,
        duplicate_key,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        received_on,
        answered_on,
        submitted_at
    from thamm_plus

),

-- Of each day, the weekday from which its delay counts, as a number and as a date: a Saturday counts from its Friday.
days as (

    select distinct
        received_on,
        cast(least(extract(isodow from received_on), 5) as integer) as weekday,
        received_on - cast(greatest(extract(isodow from received_on) - 5, 0) as integer) as counts_from
    from received

),

holidays as (

    select
        days.received_on,
        days.weekday,
        days.counts_from,
        public_holiday.holiday_on,
        cast(
            row_number() over (partition by days.received_on order by public_holiday.holiday_on) as integer
        ) as place
    from days
    inner join marts.public_holiday
        on
            public_holiday.country_code = 'ma'
            and extract(isodow from public_holiday.holiday_on) < 6
            and public_holiday.holiday_on > days.received_on
            and public_holiday.holiday_on <= days.received_on + 60

),

met as (

    select
        received_on,
        cast(count(*) as integer) as holiday_count
    from holidays
    where holiday_on <= counts_from + (14 + place) + 2 * ((weekday + 13 + place) / 5)
    group by received_on

),

working_delays as (

    select
        days.received_on,
        days.counts_from + (15 + coalesce(met.holiday_count, 0))
        + 2 * ((days.weekday + 14 + coalesce(met.holiday_count, 0)) / 5) as due_on
    from days
    left join met on days.received_on = met.received_on

),

due as (

    select
        received.project,
        received.submission_id,
        received.duplicate_key,
        received.channel,
        received.category,
        received.is_sensitive,
        received.country_code,
        received.region_code,
        received.sex,
        received.received_on,
        case when received.is_sensitive then received.received_on + 2 else working_delays.due_on end as due_on,
        received.answered_on,
        received.submitted_at
    from received
    left join working_delays on received.received_on = working_delays.received_on

),

ranked as (

    select
        project,
        submission_id,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        coalesce(answered_on <= due_on, false) as is_answered_in_time,
        received_on,
        due_on,
        answered_on,
        row_number() over (
            partition by project, coalesce(duplicate_key, submission_id)
            order by submitted_at asc, submission_id asc
        ) as sending
    from due

),

final as (

    select
        project,
        submission_id,
        channel,
        category,
        is_sensitive,
        country_code,
        region_code,
        sex,
        is_answered_in_time,
        received_on,
        due_on,
        answered_on
    from ranked
    where sending = 1

)

select * from final
