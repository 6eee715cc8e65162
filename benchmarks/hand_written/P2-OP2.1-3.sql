-- P2-OP2.1-3: action plans adopted.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'region_code', record.region_code,
            'commune_code', record.commune_code
        )
    ) as disaggregation,
    count(*) as value
from marts.institution_milestone as record
inner join bench.period as period on record.reached_on between period.starts_on and period.ends_on
where
    record.project = 'prim2'
    and record.milestone_type = 'plan'
group by
    period.kind,
    period.label,
    grouping sets (
        (),
        (record.region_code),
        (record.commune_code)
    )
