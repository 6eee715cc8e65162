-- Persons served, as the partners of PRIM 2 report them (F-PREST): one delivery has one or more persons.
-- A person who did not consent stays a contact without identity: person_id is then null.
-- A person who showed the card of the registration was asked nothing else: sex, age and group are then null.
with

deliveries as (

    select
        submission_id,
        duplicate_key,
        organisation,
        type_prestation,
        region,
        province,
        submitted_at,
        date_prestation
    from pseudonymised.prim2_prestations

),

persons_served as (

    select
        submission_id,
        repeat_index,
        person_id,
        card_id,
        consentement,
        sexe,
        age_band,
        groupe_cible
    from pseudonymised.prim2_prestations__personnes

),

joined as (

    select
        deliveries.submission_id,
        deliveries.duplicate_key,
        deliveries.organisation,
        deliveries.type_prestation,
        deliveries.region,
        deliveries.province,
        deliveries.submitted_at,
        deliveries.date_prestation,
        persons_served.repeat_index,
        persons_served.sexe,
        persons_served.age_band,
        persons_served.groupe_cible,
        case when persons_served.consentement = 'oui' then persons_served.person_id end as person_id,
        case when persons_served.consentement = 'oui' then persons_served.card_id end as card_id
    from deliveries
    inner join persons_served
        on deliveries.submission_id = persons_served.submission_id

),

final as (

    select
        cast('prim2' as text) as project,
        cast(submission_id as text) as submission_id,
        cast(repeat_index as integer) as repeat_index,
        cast(person_id as text) as person_id,
        cast(card_id as text) as card_id,
        cast(duplicate_key as text) as duplicate_key,
        cast(organisation as text) as organisation,
        cast(type_prestation as text) as service_type,
        cast(sexe as text) as sex,
        cast(age_band as text) as age_band,
        cast(groupe_cible as text) as target_group,
        cast(region as text) as region_code,
        cast(province as text) as province_code,
        cast(submitted_at as timestamptz) as submitted_at,
        cast(date_prestation as date) as delivered_on
    from joined

)

select * from final
