"""Disclosure control: no small group of persons can be worked out of what leaves, from all of it together.

**What is protected.** Figures about persons: every indicator, unless `without_persons` of `project.yaml` names it
(protected until said otherwise, as questions are). A count under its threshold is hidden. So is a rate when its
denominator, its numerator or what is left of its denominator is under it, and a median when its size is. A threshold is
the strictest of the recipients that would be shown the same count, and of the dimensions of the cell. Zeros are shown
by default, because they name nobody; they may stand for something impossible (a man among widows), so they are never
hidden to protect another. `zeros: hidden` treats them as small. Money, institutions, tools are not persons.

**Who attacks.** One reader who holds every file of every protected recipient, now and before: recipients are one
audience, since files are passed on. He knows what a mark says (« < 5 »: 1 to 4; « s »: at least 1, no more), that
categories, provinces and periods add up (`relations.py`), and the counts that a rate ties together. Unique persons do not
add up in general: a total lies between its largest category and their sum. Where they do add up in the data the equality
is supposed known. Two versions of a figure that was corrected are two counts.

**What he must not learn.** For each count that is too small, shown or implied, everything its mark allows stays
possible: from 1 (0 where zeros are hidden) to the threshold less one; where the marks themselves put one end out of
reach (four categories with somebody in them are at least four persons), a stretch as wide as the threshold. For the
increase of a cumulated count between two dates at which it is shown, from 0 to the threshold less one
(`differences`): « 12, then 14 » tells of two persons.

**How.** `statements.py` writes this as plain numbers (`problem.py`); `pattern.py` chooses the other cells to hide, a
mixed-integer programme against the attacker's linear programmes (`attacker.py`), which end only when none of them finds
anything. Small cells may be marked « s » rather than « < 5 » where the bound itself would tell too much, and so « s »
does not mean « large ». No rate is shown of a count that is hidden. Costs: one plus the logarithm of the figure, totals ten times that.

**Memory.** `publications.py` keeps every publication. A draft is replaced when it is made again; `release` makes it final.
The last draft of an earlier period counts as published. Against an earlier publication that already gives a cell away
nothing can be done now: `Protection.exposed` counts those, and the check says so.

**Not covered.** Linear programming is over real numbers: that counts are whole can only narrow what it finds by less
than one. Small differences between two rates over time are not figures here. `indicators.value` is for analysts inside,
who are bound otherwise; only what `extracts` writes is protected.
"""

from meal_pipelines.protect.disclosure.figures import Figures, Key, Offer, about_persons
from meal_pipelines.protect.disclosure.plan import HIDDEN, NOTHING, Protection, decide
from meal_pipelines.protect.disclosure.publications import PRIMARY, SECONDARY, Publication, release

__all__ = [
    "HIDDEN",
    "NOTHING",
    "PRIMARY",
    "SECONDARY",
    "Figures",
    "Key",
    "Offer",
    "Protection",
    "Publication",
    "about_persons",
    "decide",
    "release",
]
