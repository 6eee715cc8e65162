-- P2-IMP-1: the last level of each region as of the end of each period. One value per region: no total, so no grouping sets.
select distinct on (period.kind, period.label, record.region_code)
    period.kind as period_kind,
    period.label as period,
    jsonb_build_object('region_code', record.region_code) as disaggregation,
    record.level as value
from marts.institution_milestone as record
inner join bench.period as period on record.reached_on <= period.ends_on
where
    record.project = 'prim2'
    and record.milestone_type = 'cotation'
order by
    period.kind asc,
    period.label asc,
    record.region_code asc,
    record.reached_on desc,
    record.submission_id collate "C" desc
