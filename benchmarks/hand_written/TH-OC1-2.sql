-- TH-OC1-2: share of women among the persons who left.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'sector', record.sector,
            'region_code', record.region_code
        )
    ) as disaggregation,
    100.0 * count(distinct record.person_id) filter (where record.sex = 'F') / count(distinct record.person_id) as value
from marts.mobility_step as record
inner join bench.period as period on record.step_on between period.starts_on and period.ends_on
where
    record.project = 'thamm_plus'
    and record.step = 'depart'
    and record.is_confirmed
group by
    period.kind,
    period.label,
    grouping sets (
        (),
        (record.sector),
        (record.region_code)
    )
