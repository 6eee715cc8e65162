-- Decisions of the French-Moroccan bodies, from the register of the project's team (F-DECI). Execution changes a row, never adds one.
with

decisions as (

    select
        submission_id,
        numero_decision,
        instance,
        institution_chargee,
        etat,
        date_reunion,
        echeance,
        date_execution
    from pseudonymised.thamm_plus_decisions

),

final as (

    select
        cast('thamm_plus' as text) as project,
        cast(numero_decision as text) as decision_id,
        cast(submission_id as text) as submission_id,
        cast(instance as text) as body,
        cast(institution_chargee as text) as institution,
        cast(etat as text) as status,
        cast(date_reunion as date) as decided_on,
        cast(echeance as date) as due_on,
        cast(date_execution as date) as executed_on
    from decisions

)

select * from final
