-- What each unit last said in a slice, and until which slice it stands: until that of its next word.
last_words as (

    select distinct on (unit, slice)
        unit,
        slice,
        combo,
        value
    from coded
    order by
        unit asc,
        slice asc,
        dated_on desc,
        submission_id collate "C" desc,
        repeat_index desc,
        value desc,
        combo desc

),

stays as (

    select
        combo,
        value,
        slice,
        lead(slice) over (partition by unit order by slice) as next_slice
    from last_words

),
