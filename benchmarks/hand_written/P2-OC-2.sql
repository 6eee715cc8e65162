-- P2-OC-2: distinct persons served.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'sex', record.sex,
            'age_band', record.age_band,
            'target_group', record.target_group,
            'region_code', record.region_code,
            'province_code', record.province_code
        )
    ) as disaggregation,
    count(distinct record.person_id) as value
from marts.service_delivery as record
inner join bench.period as period on record.delivered_on between period.starts_on and period.ends_on
where
    record.project = 'prim2'
group by
    period.kind,
    period.label,
    grouping sets (
        (),
        (record.sex),
        (record.age_band),
        (record.target_group),
        (record.region_code),
        (record.province_code),
        (record.sex, record.target_group),
        (record.sex, record.region_code)
    )
