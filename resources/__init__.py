"""Dagster resources only: what assets share. No logic of the domain."""

from resources.platform import Platform, Reporter, followed

__all__ = ["Platform", "Reporter", "followed"]
