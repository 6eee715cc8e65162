"""Chance as a pure function of (seed, what is drawn, its number): nothing is remembered, any row can be drawn alone.

A counter-based generator (SplitMix64's finaliser, Steele, Lea and Flood 2014) over whole columns; the same seed gives
the same values on every machine.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Keys = NDArray[np.uint64]
Floats = NDArray[np.float64]

FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S27, S30, S31, S11 = np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(11)


def mixed(values: Keys) -> Keys:
    """Every bit of the result depends on every bit of the value; distinct values stay distinct."""
    values = (values ^ (values >> S30)) * FIRST
    values = (values ^ (values >> S27)) * SECOND
    return values ^ (values >> S31)


@lru_cache(maxsize=4096)
def label_key(seed: int, label: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.blake2b(f"{seed}/{label}".encode(), digest_size=8).digest(), "big"))


class Chance:
    """All the chance of one generation; `label` says what is drawn, `keys` for whom."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def bits(self, label: str, keys: Keys) -> Keys:
        return mixed(mixed(keys + label_key(self.seed, label)) ^ label_key(self.seed, label))

    def uniform(self, label: str, keys: Keys) -> Floats:
        """Between 0 (reached) and 1 (never reached)."""
        return (self.bits(label, keys) >> S11).astype(np.float64) * 2.0**-53

    def below(self, label: str, keys: Keys, limit: int) -> Integers:
        """Whole numbers from 0 to limit - 1."""
        return (self.uniform(label, keys) * limit).astype(np.int64)

    def code(self, label: str, length: int) -> str:
        """A fixed word of letters and digits, as servers make their uids."""
        alphabet = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        numbers = self.below(label, np.arange(length, dtype=np.uint64), len(alphabet))
        return "".join(alphabet[number] for number in numbers)


def cumulative(weights: list[float]) -> Floats:
    """Upper bounds of each weight's share of [0, 1); the last is exactly 1."""
    total = np.cumsum(np.array(weights, dtype=np.float64))
    bounds: Floats = total / total[-1]
    bounds[-1] = 1.0
    return bounds
