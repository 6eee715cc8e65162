"""What `disclosure:` of `project.yaml` means: how few persons may stand behind a figure that leaves, and who says so.

Only the settings; what is done with them is `protect/disclosure/`'s business. A project that says nothing is protected
by the defaults.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from meal_pipelines.project.strict import Strict

Threshold = Annotated[int, Field(ge=2, le=1000)]
RecipientName = Literal["opsys", "thema", "tei", "afd", "iati", "tracking"]


class Recipient(Strict):
    """What differs for one recipient. protect: False for files that only the project's own team reads."""

    protect: bool = True
    threshold: Threshold | None = None
    dimensions: dict[str, Threshold] = Field(default_factory=dict)
    approved_by: str | None = None


class Disclosure(Strict):
    """Thresholds: a figure about fewer persons is hidden.

    approved_by: the role that approves them · dimensions: a threshold of its own for figures broken down so · zeros:
    `shown`, or `hidden` like other small counts · differences: whether the increase between two publications counts
    as a figure · mark: what stands in the place of a small count, `threshold` (« < 5 ») or `s` · without_persons:
    indicators with no person behind them.
    """

    approved_by: str = "à confirmer"
    threshold: Threshold = 5
    dimensions: dict[str, Threshold] = Field(default_factory=dict)
    zeros: Literal["shown", "hidden"] = "shown"
    differences: bool = True
    mark: Literal["threshold", "s"] = "threshold"
    recipients: dict[RecipientName, Recipient] = Field(default_factory=dict)
    without_persons: list[str] = Field(default_factory=list)

    def recipient(self, name: str) -> Recipient:
        return next((given for known, given in self.recipients.items() if known == name), Recipient())

    def threshold_of(self, recipient: str, dimensions: list[str]) -> int:
        """The strictest that applies to a figure of this recipient."""
        given = self.recipient(recipient)
        known = {**self.dimensions, **given.dimensions}
        base = self.threshold if given.threshold is None else given.threshold
        return max([base, *(known[name] for name in dimensions if name in known)])
