"""Generated submissions, as the servers and the partners would give them, with the truth beside them.

For demonstrations, tests and measurements. Everything particular to a project is in its `sample.yaml`.
"""

from __future__ import annotations

from meal_pipelines.sample.generate import generate
from meal_pipelines.sample.record import SampleSummary

__all__ = ["SampleSummary", "generate"]
