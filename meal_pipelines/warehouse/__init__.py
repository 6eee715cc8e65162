"""PostgreSQL for everyone: the server, the roles, the fixed tables and the handle to them.

What is written into form tables, marts or extracts belongs to the rooms of those stages.
"""

from meal_pipelines.warehouse.connection import Warehouse
from meal_pipelines.warehouse.refusals import value_free
from meal_pipelines.warehouse.roles import Role, grant_readers

__all__ = ["Role", "Warehouse", "grant_readers", "value_free"]
