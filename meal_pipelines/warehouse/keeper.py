"""The process that stops the embedded server once its last user is gone: `python -m meal_pipelines.warehouse.keeper HOME`.

Started by `server.py` in a session of its own, so that neither Ctrl-C in a terminal nor the death of the process that
started it reaches it. It tries the lock that every user shares; a user killed with -9 has released it too. A client
that is merely connected (DBeaver, Power BI) also keeps the server up.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import psycopg2

from meal_pipelines.warehouse.cluster import Cluster
from meal_pipelines.warehouse.locks import still_there, try_lock

PERIOD_S = 1.0


def keep(home: Path) -> None:
    """Wait for the last user, stop the server, end. Ends at once when there is a keeper already."""
    own = home / "postgres.keeper"
    keeper = try_lock(own)
    if keeper is None:
        return
    with keeper:
        while still_there(keeper, own):
            time.sleep(PERIOD_S)
            starting = try_lock(home / "postgres.starting")
            if starting is None:
                continue
            with starting:
                if _stop_if_unused(home):
                    # Released before `postgres.starting`: who opens next must find that there is no keeper.
                    keeper.close()
                    return


def _stop_if_unused(home: Path) -> bool:
    users = try_lock(home / "postgres.users")
    if users is None:
        return False
    with users:
        cluster = Cluster(home)
        try:
            if cluster.clients() > 0:
                return False
        except psycopg2.OperationalError:
            pass  # dead, or too full to answer: with no user left it is stopped all the same
        cluster.stop()
        return True


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
