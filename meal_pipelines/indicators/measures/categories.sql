-- Opening of every measure over a mart.
-- Given: periods, groupings, declared, options, and the records that count, with the slice of time and the dimensions
-- they belong to; records that the measure does not tell apart are one row.
with

-- The combinations of dimensions that records have, numbered in the order of their texts.
combos as materialized (

    select
        seen.dims,
        cast(row_number() over (order by seen.dims collate "C") as int) as combo
    from (select distinct dims from records) as seen

),

coded as (

    select
        combos.combo,
        records.*
    from records
    inner join combos on records.dims = combos.dims

),
