"""How the machines of collection are driven: so many runs of so many steps, without a clock and without shrinking."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

IS_HUNT = bool(os.environ.get("MEAL_HUNT"))
"""The long proofs take other steps each time, instead of the same."""


def drive(machine: Any, examples: int, steps: int, *, again: bool = True) -> None:
    """Run a machine. again: the same steps each time."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=again,
            phases=[Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
            database=None,
        ),
    )
