-- Those seen in the records and those the logframe declares: a declared category without records has its line.
categories as materialized (

    select
        listed.grouping_id,
        listed.codes,
        cast(row_number() over () as int) as category
    from (
        select grouping_id, codes from members
        union
        select grouping_id, codes from declared
    ) as listed

),

membership as materialized (

    select
        members.combo,
        categories.category
    from members
    inner join categories
        on
            members.grouping_id = categories.grouping_id
            and members.codes = categories.codes

),

-- The slices of time each period is made of; every slice is the first of some period.
covers as (

    select
        periods.period_id,
        periods.first_slice,
        slices.slice
    from periods
    inner join (select distinct first_slice as slice from periods) as slices
        on slices.slice between periods.first_slice and periods.last_slice

),
