-- Feedback and complaints about PRIM 2 (F-PLAINTE): never their content, never who sent them.
-- Due after 15 working days (Saturdays and Sundays apart, holidays not deducted); 48 hours to acknowledge on the separate circuit.
with

source as (

    select
        submission_id,
        submitted_at,
        duplicate_key,
        circuit_separe,
        canal,
        categorie,
        region,
        sexe,
        date_reception,
        date_reponse,
        date_accuse
    from pseudonymised.prim2_plaintes

),

final as (

    select
        cast('prim2' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(duplicate_key as text) as duplicate_key,
        cast(canal as text) as channel,
        cast(case when circuit_separe = 'oui' then 'circuit_separe' else categorie end as text) as category,
        cast(circuit_separe = 'oui' as boolean) as is_sensitive,
        cast('ma' as text) as country_code,
        cast(region as text) as region_code,
        cast(sexe as text) as sex,
        cast(date_reception as date) as received_on,
        cast(case when circuit_separe = 'oui' then date_accuse else date_reponse end as date) as answered_on,
        cast(submitted_at as timestamptz) as submitted_at
    from source

)

select * from final
