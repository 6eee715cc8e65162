-- One row per decision of a joint body. A decision is executed in time when it is on the day it was due, or before.
with

decisions as (

    select
        project,
        decision_id,
        submission_id,
        body,
        institution,
        status,
        decided_on,
        due_on,
        executed_on
    from staging.thamm_plus_joint_decision

),

final as (

    select
        project,
        decision_id,
        submission_id,
        body,
        institution,
        status,
        coalesce(status = 'executee' and executed_on <= due_on, false) as is_in_time,
        decided_on,
        due_on,
        executed_on
    from decisions

)

select * from final
