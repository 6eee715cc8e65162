-- One row per learning product: its first dissemination, or else the latest stage it has reached.
with

stages as (

    select
        project,
        submission_id,
        product_code,
        product_type,
        language,
        topic,
        stage,
        stage = 'diffuse' as is_disseminated,
        stage_on
    from staging.prim2_learning_product

),

ranked as (

    select
        project,
        product_code,
        submission_id,
        product_type,
        language,
        topic,
        stage,
        is_disseminated,
        stage_on,
        row_number() over (
            partition by project, product_code
            order by
                is_disseminated desc,
                case when is_disseminated then stage_on end asc,
                stage_on desc,
                submission_id asc
        ) as place
    from stages
    where product_code is not null

),

final as (

    select
        project,
        product_code,
        submission_id,
        product_type,
        language,
        topic,
        stage,
        is_disseminated,
        stage_on
    from ranked
    where place = 1

)

select * from final
