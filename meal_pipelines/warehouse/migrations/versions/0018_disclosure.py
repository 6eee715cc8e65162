"""What each recipient was shown, what was hidden from it, and how the last decision went."""

from meal_pipelines.warehouse.migrations import as_owner, describe, run

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    as_owner()
    _published_cell()
    _disclosure()
    _suppression()
    _marks()


def _published_cell() -> None:
    run("""
        create table extracts.published_cell (
          project text not null,
          recipient text not null check (recipient in ('opsys', 'thema', 'tracking')),
          publication text not null,
          version int not null,
          indicator text not null,
          period_kind text not null,
          period text not null,
          period_start date not null,
          period_end date not null,
          disaggregation jsonb not null,
          quantity text not null,
          units bigint,
          counts jsonb not null,
          reason text check (reason in ('primary', 'secondary')),
          shown_as text,
          threshold int,
          written_at timestamptz not null default now(),
          released_at timestamptz,
          primary key (
            project, recipient, publication, version, indicator, period_kind, period, disaggregation, quantity
          ),
          check ((reason is null) = (shown_as is null)),
          check ((reason is null) = (threshold is null))
        )
    """)
    # It holds the true counts behind hidden cells: for the pipeline only.
    run("revoke select on extracts.published_cell from meal_analyst, meal_dpo")
    describe(
        "extracts.published_cell",
        "La mémoire des publications : une ligne par chiffre montré ou masqué. Réservée à la plateforme.",
        publication="période de l'extrait, par exemple 2029-02",
        version="rang, quand une publication remise est refaite",
        quantity="value, ou un chiffre du commentaire : numerator, denominator, units, share_of_women",
        counts="effectifs réels derrière le chiffre",
        reason="primary : trop petit ; secondary : masqué pour en protéger un autre ; vide : montré",
        released_at="moment de la remise ; vide : brouillon, remplacé à la préparation suivante",
    )


def _disclosure() -> None:
    run("""
        create table extracts.disclosure (
          project text primary key,
          fingerprint text not null,
          cells int not null,
          primary_cells int not null,
          secondary_cells int not null,
          exposed int not null,
          is_optimal boolean not null,
          seconds numeric not null,
          decided_at timestamptz not null default now()
        )
    """)
    describe(
        "extracts.disclosure",
        "La dernière décision sur les petits effectifs, une ligne par projet.",
        cells="chiffres sur des personnes, dans tous les extraits",
        exposed="cellules que des publications antérieures laissent déjà retrouver",
        is_optimal="faux : le temps a manqué, des cellules peuvent être masquées en trop",
    )


def _suppression() -> None:
    run("""
        create view extracts.suppression as
        select project, recipient, publication, version, indicator, period_kind, period, disaggregation, quantity,
          reason, shown_as, threshold, released_at
        from extracts.published_cell
        where reason is not null
    """)
    describe(
        "extracts.suppression",
        "Les cellules masquées des extraits, sans leur valeur.",
        kind="view",
        reason="primary : trop petite ; secondary : masquée pour en protéger une autre",
        shown_as="ce qui est écrit à sa place",
    )


def _marks() -> None:
    for column, text in (
        ("value_year_mark", "ce qui remplace la valeur de l'année quand elle est masquée"),
        ("value_cumulative_mark", "ce qui remplace la valeur cumulée quand elle est masquée"),
        ("share_of_women_mark", "ce qui remplace la part de femmes quand elle est masquée"),
    ):
        run(f"alter table extracts.thema add column {column} text")
        describe(
            "extracts.thema",
            "La collecte annuelle THEMA. Une ligne par projet, année de campagne et indicateur.",
            **{column: text},
        )
    describe(
        "extracts.opsys",
        "Les valeurs à recopier dans OPSYS. Une ligne par projet, période, indicateur, type de valeur et date.",
        disaggregation="dimension → catégorie → valeur, ou « < 5 » ou « s » quand elle est masquée",
    )
