-- One row per payment to a CSO, in both currencies: as paid, and converted at the rate in force that day.
-- The contract says who is paid; a payment whose contract is not in the register keeps its amount, and names nobody.
with

payments as (

    select
        project,
        payment_id,
        submission_id,
        grant_id,
        donor,
        currency,
        amount,
        paid_on
    from staging.prim2_grant_payment

),

contracts as (

    select
        project,
        grant_id,
        organisation,
        organisation_type,
        region_code
    from marts.grant_contract

),

rates as (

    select
        cast(valid_from as date) as valid_from,
        cast(rate as numeric) as mad_per_eur,
        status as rate_status
    from marts.exchange_rate
    where
        base_currency = 'EUR'
        and quote_currency = 'MAD'

),

-- each rate holds until the day the next one begins
rate_periods as (

    select
        valid_from,
        mad_per_eur,
        rate_status,
        lead(valid_from) over (order by valid_from) as valid_until
    from rates

),

final as (

    select
        payments.project,
        payments.payment_id,
        payments.submission_id,
        payments.grant_id,
        contracts.organisation,
        contracts.organisation_type,
        contracts.region_code,
        payments.donor,
        payments.currency,
        payments.amount,
        rate_periods.mad_per_eur,
        rate_periods.rate_status,
        case
            when payments.currency = 'MAD' then payments.amount
            else round(payments.amount * rate_periods.mad_per_eur, 2)
        end as amount_mad,
        case
            when payments.currency = 'EUR' then payments.amount
            else round(payments.amount / rate_periods.mad_per_eur, 2)
        end as amount_eur,
        payments.paid_on
    from payments
    left join contracts
        on
            payments.project = contracts.project
            and payments.grant_id = contracts.grant_id
    left join rate_periods
        on
            payments.paid_on >= rate_periods.valid_from
            and (rate_periods.valid_until is null or payments.paid_on < rate_periods.valid_until)

)

select * from final
