-- Payments to CSOs, from the accountants' workbook (F-FIN), each in the currency it was made in.
with

source as (

    select
        submission_id,
        numero_paiement,
        numero_contrat,
        bailleur,
        devise,
        montant,
        date_paiement
    from pseudonymised.prim2_paiements

),

final as (

    select
        cast('prim2' as text) as project,
        cast(numero_paiement as text) as payment_id,
        cast(submission_id as text) as submission_id,
        cast(numero_contrat as text) as grant_id,
        cast(bailleur as text) as donor,
        cast(devise as text) as currency,
        cast(montant as numeric) as amount,
        cast(date_paiement as date) as paid_on
    from source

)

select * from final
