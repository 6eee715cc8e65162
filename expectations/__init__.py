"""What every table must satisfy before it is published: one suite per table, judged inside PostgreSQL.

`model.py` is what the rest of the code reads; `cleaned.py`, `pseudonymised.py` and `marts.py` give the suites, and
`engine.py` judges. No Dagster here, and nothing that corrects rows.
"""
