"""Indicators: the logframe compiled to SQL, computed, judged and published.

Periods, queries, values, targets. What a donor's template does with them belongs to `extracts/`.
"""

from meal_pipelines.indicators.compile import Compiled, check_logframe, compile_indicator, compile_logframe
from meal_pipelines.indicators.compute import Computation, audit, discard, prepare, publish
from meal_pipelines.indicators.periods import Calendar, Period, target_period
from meal_pipelines.indicators.progress import Line, summary

__all__ = [
    "Calendar",
    "Compiled",
    "Computation",
    "Line",
    "Period",
    "audit",
    "check_logframe",
    "compile_indicator",
    "compile_logframe",
    "discard",
    "prepare",
    "publish",
    "summary",
    "target_period",
]
