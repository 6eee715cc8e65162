-- TH-OC2-1: median delay from the offer to the arrival, in days.
select
    period.kind as period_kind,
    period.label as period,
    jsonb_strip_nulls(
        jsonb_build_object(
            'sector', record.sector
        )
    ) as disaggregation,
    percentile_cont(0.5) within group (order by record.delay_days) as value
from marts.mobility_step as record
inner join bench.period as period on record.step_on between period.starts_on and period.ends_on
where
    record.project = 'thamm_plus'
    and record.step = 'arrivee_poste'
group by
    period.kind,
    period.label,
    grouping sets (
        (),
        (record.sector)
    )
