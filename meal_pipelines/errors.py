"""Errors that a person reads: what, where, why, what to do; in French, and never a value from the data.

`MealError` is the only kind the command line and the Dagster assets show as it is. Anything else is a
defect of ours and is masked before it reaches a log. A `TransientError` may succeed when tried again.
"""

from __future__ import annotations


class MealError(Exception):
    """A refusal that names the thing, the reason and the next step (exit code 1)."""


class ConfigurationError(MealError):
    """Wrong use or wrong configuration: nothing was done (exit code 2)."""


class TransientError(MealError):
    """A fault of the network or of a server that a later try may not meet."""
