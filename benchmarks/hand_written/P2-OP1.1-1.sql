-- P2-OP1.1-1: grants signed.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'region_code', record.region_code,
            'organisation_type', record.organisation_type,
            'is_women_led', cast(record.is_women_led as text),
            'call_code', record.call_code
        )
    ) as disaggregation,
    count(*) as value
from marts.grant_contract as record
inner join bench.period as period on record.signed_on between period.starts_on and period.ends_on
where
    record.project = 'prim2'
group by
    period.kind,
    period.label,
    grouping sets (
        (),
        (record.region_code),
        (record.organisation_type),
        (record.is_women_led),
        (record.call_code)
    )
