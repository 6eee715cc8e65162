-- TH-OP2.1-3: share of the persons presented who were certified.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'sex', record.sex,
            'age_band', record.age_band,
            'sector', record.sector,
            'region_code', record.region_code
        )
    ) as disaggregation,
    100.0 * count(*) filter (where record.was_presented and record.is_certified) / nullif(count(*) filter (where record.was_presented), 0) as value
from marts.training_attendance as record
inner join bench.period as period on record.held_on between period.starts_on and period.ends_on
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
        (record.region_code)
    )
