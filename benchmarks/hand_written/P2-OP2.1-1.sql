-- P2-OP2.1-1: distinct institutions with a signed instrument.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'region_code', record.region_code,
            'province_code', record.province_code,
            'institution_type', record.institution_type,
            'instrument_type', record.instrument_type
        )
    ) as disaggregation,
    count(distinct record.institution_id) as value
from marts.institution_milestone as record
inner join bench.period as period on record.reached_on between period.starts_on and period.ends_on
where
    record.project = 'prim2'
    and record.milestone_type = 'instrument'
group by
    period.kind,
    period.label,
    grouping sets (
        (),
        (record.region_code),
        (record.province_code),
        (record.institution_type),
        (record.instrument_type)
    )
