-- What a category is called: {} in the total, {"sex": "F"} by sex.
named as (

    select
        categories.category,
        categories.grouping_id,
        jsonb_object(
            groupings.dimensions,
            array(
                select categories.codes[asked.place]
                from unnest(groupings.places) with ordinality as asked (place, rank)
                order by asked.rank
            )
        ) as disaggregation
    from categories
    inner join groupings on categories.grouping_id = groupings.grouping_id

),
