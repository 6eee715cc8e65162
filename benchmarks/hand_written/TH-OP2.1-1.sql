-- TH-OP2.1-1: distinct candidates oriented.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'sex', record.sex,
            'age_band', record.age_band,
            'sector', record.sector,
            'region_code', record.region_code,
            'is_renewal', cast(record.is_renewal as text),
            'contract_type', record.contract_type
        )
    ) as disaggregation,
    count(distinct record.person_id) as value
from marts.orientation as record
inner join bench.period as period on record.oriented_on between period.starts_on and period.ends_on
where
    record.project = 'thamm_plus'
group by
    period.kind,
    period.label,
    grouping sets (
        (),
        (record.sex),
        (record.age_band),
        (record.sector),
        (record.region_code),
        (record.is_renewal),
        (record.contract_type)
    )
