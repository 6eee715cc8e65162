-- Learning products of PRIM 2 (F-CAPI), at each of their stages.
with

source as (

    select
        submission_id,
        submitted_at,
        code_produit,
        type_produit,
        langue,
        axe,
        statut,
        date_statut
    from pseudonymised.prim2_capitalisation

),

final as (

    select
        cast('prim2' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(code_produit as text) as product_code,
        cast(type_produit as text) as product_type,
        cast(langue as text) as language,
        cast(axe as text) as topic,
        cast(statut as text) as stage,
        cast(date_statut as date) as stage_on,
        cast(submitted_at as timestamptz) as submitted_at
    from source

)

select * from final
