-- P2-OP1.2-2: services delivered by subsidised projects.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'service_type', record.service_type,
            'sex', record.sex,
            'target_group', record.target_group,
            'region_code', record.region_code
        )
    ) as disaggregation,
    count(*) as value
from marts.service_delivery as record
inner join bench.period as period on record.delivered_on between period.starts_on and period.ends_on
where
    record.project = 'prim2'
    and left(record.organisation, 4) = 'osc_'
group by
    period.kind,
    period.label,
    grouping sets (
        (),
        (record.service_type),
        (record.sex),
        (record.target_group),
        (record.region_code)
    )
