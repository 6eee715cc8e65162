-- Grant contracts of PRIM 2, from the workbook of the grants manager (F-SUBV). An amendment changes a row, never adds one.
with

grants as (

    select
        submission_id,
        numero_contrat,
        organisation,
        type_organisation,
        dirigee_par_femme,
        code_appel,
        region,
        niveau_genre,
        montant_mad,
        date_signature,
        date_fin
    from pseudonymised.prim2_subventions

),

final as (

    select
        cast('prim2' as text) as project,
        cast(numero_contrat as text) as grant_id,
        cast(submission_id as text) as submission_id,
        cast(organisation as text) as organisation,
        cast(type_organisation as text) as organisation_type,
        cast(dirigee_par_femme = 'oui' as boolean) as is_women_led,
        cast(code_appel as text) as call_code,
        cast(region as text) as region_code,
        cast(niveau_genre as smallint) as gender_level,
        cast(montant_mad as numeric) as amount_mad,
        cast(date_signature as date) as signed_on,
        cast(date_fin as date) as ends_on
    from grants

)

select * from final
