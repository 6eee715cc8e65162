-- Synthetic rows of the marts, the same at each run: %(rows)s participations of persons in both projects, and what
-- goes with them. Half are services, a fifth trainings, 15 %% steps of mobility, a tenth orientations, 5 %% surveys.
create function pg_temp.pick(number bigint, salt bigint, choices int) returns int language sql immutable as
'select cast((hashint8extended(number, salt) & 2147483647) %% choices as int)';

create function pg_temp.one_of(number bigint, salt bigint, choices text[]) returns text language sql immutable as
'select choices[1 + cast((hashint8extended(number, salt) & 2147483647) %% cardinality(choices) as int)]';

create function pg_temp.day(number bigint) returns date language sql immutable as
'select date ''2026-03-01'' + cast((hashint8extended(number, 99) & 2147483647) %% 1096 as int)';

-- A person is met four times on average; one meeting in twenty happens elsewhere than at home.
create temporary table meeting as
select
    number,
    person,
    md5('person/' || person) as person_id,
    pg_temp.one_of(person, 1, '{F,H}') as sex,
    case when pg_temp.pick(number, 2, 20) = 0 then number else person end as place
from (
    select
        number,
        cast(pg_temp.pick(number, 3, greatest(%(rows)s / 4, 1)) as bigint) as person
    from generate_series(cast(1 as bigint), %(rows)s) as number
) as met;

analyze meeting;

insert into marts.service_delivery (
    project, submission_id, repeat_index, person_id, organisation, service_type, sex, age_band, target_group,
    region_code, province_code, delivered_on
)
select
    'prim2',
    cast(number / 5 as text),
    1 + number %% 5,
    person_id,
    pg_temp.one_of(number, 4, '{osc_or_1,osc_or_2,osc_sm_1,osc_sm_2,cellule_oujda}'),
    pg_temp.one_of(
        number, 5,
        '{accueil_orientation,administratif,juridique,sante,psychosocial,education,langue,formation,emploi,entrepreneuriat,autre}'
    ),
    sex,
    pg_temp.one_of(person, 6, '{0-14,15-17,18-24,25-35,36-59,60+}'),
    pg_temp.one_of(person, 7, '{rpt,mre,mre_retour}'),
    left(province_code, 2),
    province_code,
    pg_temp.day(number)
from (
    select
        number,
        person,
        person_id,
        sex,
        pg_temp.one_of(
            place, 8,
            '{02.113,02.167,02.251,02.265,02.275,02.381,02.411,02.533,09.001,09.163,09.273,09.541,09.551,09.581}'
        ) as province_code
    from meeting
) as meeting
where number %% 20 < 10;

insert into marts.training_attendance (
    project, submission_id, repeat_index, person_id, audience, sex, age_band, sector, region_code, is_completed,
    was_presented, is_certified, held_on
)
select
    'thamm_plus',
    cast(number / 20 as text),
    1 + number %% 20,
    person_id,
    'candidat',
    sex,
    pg_temp.one_of(person, 6, '{18-24,25-35,36-45,46+}'),
    pg_temp.one_of(person, 9, '{agriculture,hcr}'),
    pg_temp.one_of(place, 8, '{01,02,03,04,05,06,07,08,09,10,11,12}'),
    pg_temp.pick(number, 10, 10) < 8,
    pg_temp.pick(number, 11, 10) < 6,
    pg_temp.pick(number, 12, 10) < 7,
    pg_temp.day(number)
from meeting
where number %% 20 between 10 and 13;

insert into marts.mobility_step (
    project, submission_id, person_id, step, sex, age_band, sector, region_code, is_renewal, contract_type, is_confirmed,
    delay_days, step_on
)
select
    'thamm_plus',
    cast(number as text),
    person_id,
    step,
    sex,
    pg_temp.one_of(person, 6, '{18-24,25-35,36-45,46+}'),
    pg_temp.one_of(person, 9, '{agriculture,hcr}'),
    pg_temp.one_of(place, 8, '{01,02,03,04,05,06,07,08,09,10,11,12}'),
    pg_temp.pick(person, 13, 3) = 0,
    pg_temp.one_of(person, 14, '{saisonnier,cdd,cdi}'),
    pg_temp.pick(number, 15, 10) < 9,
    case when step = 'arrivee_poste' then 30 + pg_temp.pick(number, 16, 240) end,
    pg_temp.day(number)
from (
    select
        *,
        pg_temp.one_of(number, 17, '{candidature,visa,depart,arrivee_poste}') as step
    from meeting
) as meeting
where number %% 20 between 14 and 16;

insert into marts.orientation (
    project, submission_id, person_id, sex, age_band, sector, region_code, is_renewal, contract_type, oriented_on
)
select
    'thamm_plus',
    cast(number as text),
    person_id,
    sex,
    pg_temp.one_of(person, 6, '{18-24,25-35,36-45,46+}'),
    pg_temp.one_of(person, 9, '{agriculture,hcr}'),
    pg_temp.one_of(place, 8, '{01,02,03,04,05,06,07,08,09,10,11,12}'),
    pg_temp.pick(person, 13, 3) = 0,
    pg_temp.one_of(person, 14, '{saisonnier,cdd,cdi}'),
    pg_temp.day(number)
from meeting
where number %% 20 between 17 and 18;

insert into marts.return_survey (
    project, submission_id, person_id, sex, age_band, sector, region_code, contract_type, is_renewal, support_type,
    was_supported, cost_in_months, surveyed_on
)
select
    'thamm_plus',
    cast(number as text),
    person_id,
    sex,
    pg_temp.one_of(person, 6, '{18-24,25-35,36-45,46+}'),
    pg_temp.one_of(person, 9, '{agriculture,hcr}'),
    pg_temp.one_of(place, 8, '{01,02,03,04,05,06,07,08,09,10,11,12}'),
    pg_temp.one_of(person, 14, '{saisonnier,cdd,cdi}'),
    pg_temp.pick(person, 13, 3) = 0,
    pg_temp.one_of(number, 18, '{droits,demarches,logement,sante,emploi,creation_activite,autre}'),
    pg_temp.pick(number, 19, 10) < 5,
    round(pg_temp.pick(number, 20, 60000) / 10000.0, 4),
    pg_temp.day(number)
from meeting
where number %% 20 = 19;

-- Contracts and milestones, which are never many.
insert into marts.grant_contract (
    project, grant_id, submission_id, organisation_type, is_women_led, call_code, region_code, gender_level, signed_on
)
select
    'prim2',
    cast(number as text),
    cast(number as text),
    pg_temp.one_of(number, 21, '{locale,diaspora}'),
    pg_temp.pick(number, 22, 2) = 0,
    pg_temp.one_of(number, 23, '{appel_1,appel_2,appel_3}'),
    pg_temp.one_of(number, 24, '{02,09}'),
    pg_temp.pick(number, 25, 4),
    pg_temp.day(number)
from generate_series(1, 100) as number;

insert into marts.institution_milestone (
    project, submission_id, institution_id, institution_type, milestone_type, instrument_type, tool_type, region_code,
    province_code, commune_code, level, reached_on
)
select
    'prim2',
    cast(number as text),
    'institution_' || number %% 60,
    pg_temp.one_of(number %% 60, 26, '{conseil_regional,conseil_provincial,commune,service_deconcentre}'),
    pg_temp.one_of(number, 27, '{cotation,instrument,outil,plan}'),
    pg_temp.one_of(number, 28, '{protocole,convention,subvention}'),
    pg_temp.one_of(number, 29, '{protocole,procedure,guide,registre,strategie}'),
    left(province_code, 2),
    province_code,
    province_code || '.01.01',
    pg_temp.pick(number, 30, 5),
    pg_temp.day(number)
from (
    select
        number,
        pg_temp.one_of(number %% 60, 31, '{02.113,02.411,02.381,09.001,09.163,09.273}') as province_code
    from generate_series(cast(1 as bigint), 1000) as number
) as milestone;

-- Indicators run to the day of the last submission received.
insert into raw.load (project, form, source, state)
values ('prim2', 'benchmark', 'export', 'done'), ('thamm_plus', 'benchmark', 'export', 'done');

insert into raw.submission (project, form, submission_id, version, submitted_at, state, load_id)
select
    project,
    form,
    '1',
    1,
    timestamptz '2029-02-28 12:00+00',
    'present',
    load_id
from raw.load
where form = 'benchmark'
