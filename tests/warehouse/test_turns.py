"""Turns between runs: one at a time, in a room of its own, and none is lost with a process that dies."""

from __future__ import annotations

import threading
import time
from contextlib import closing

import pytest

from meal_pipelines.errors import MealError
from meal_pipelines.warehouse import Warehouse
from meal_pipelines.warehouse.turns import turn


def test_who_comes_second_waits_says_so_once_and_goes_in_after(warehouse: Warehouse) -> None:
    told: list[str] = []
    inside, order = threading.Event(), []

    def first() -> None:
        with turn(warehouse, "server", "un"):
            inside.set()
            time.sleep(1.2)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with turn(warehouse, "server", "un", waiting=lambda: told.append("attend")):
        order.append("second")
    thread.join()
    assert order == ["first", "second"] and told == ["attend"]


def test_another_server_and_another_room_are_free(warehouse: Warehouse) -> None:
    with (
        turn(warehouse, "server", "un"),
        turn(warehouse, "server", "deux", patience_s=0),
        turn(warehouse, "build", "un", patience_s=0),
    ):
        pass


def test_patience_ends_with_what_to_do(warehouse: Warehouse) -> None:
    with (
        turn(warehouse, "server", "un"),
        pytest.raises(MealError, match=r"« un » est en cours dans une autre exécution .* puis relancez"),
        turn(warehouse, "server", "un", patience_s=0.2),
    ):
        raise AssertionError("both inside")


def test_a_turn_goes_with_the_connection_that_held_it(warehouse: Warehouse) -> None:
    """As when a process is killed: nothing has to be released by hand."""
    with closing(warehouse.psycopg()) as dead, dead.cursor() as cursor:
        cursor.execute("select pg_advisory_lock(hashtext('server'), hashtext('un'))")
    with turn(warehouse, "server", "un", patience_s=5):
        pass
