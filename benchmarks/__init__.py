"""Side by side with peers, in one run, on one machine, against one PostgreSQL: `uv run python -m benchmarks`.

Each case is a function in one of the modules here, run in a process of its own so that its memory is its own. Nothing of
`meal_pipelines` imports this package.
"""
