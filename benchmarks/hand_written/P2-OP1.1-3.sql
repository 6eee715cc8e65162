-- P2-OP1.1-3: share of the grants signed that integrate gender.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'region_code', record.region_code
        )
    ) as disaggregation,
    100.0 * count(*) filter (where record.gender_level in (1, 2)) / count(*) as value
from marts.grant_contract as record
inner join bench.period as period on record.signed_on between period.starts_on and period.ends_on
where
    record.project = 'prim2'
group by
    period.kind,
    period.label,
    grouping sets (
        (),
        (record.region_code)
    )
