-- What was reduced outside PostgreSQL: its categories and the declared ones, numbered anew.
categories as materialized (

    select
        listed.grouping_id,
        listed.codes,
        cast(row_number() over () as int) as category
    from (
        select grouping_id, codes from brought
        union
        select grouping_id, codes from declared
    ) as listed

),

reduced as (

    select
        categories.category,
        brought.*
    from brought
    inner join categories
        on
            brought.grouping_id = categories.grouping_id
            and brought.codes = categories.codes

),
