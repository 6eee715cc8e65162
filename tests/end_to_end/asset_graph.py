"""The asset graph as text, one asset a line, so that a change of lineage is seen in review.

`python -m tests.end_to_end.asset_graph` writes `asset_graph.txt` anew; the difference says what changed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from meal_pipelines.definitions import build_definitions
from meal_pipelines.settings import Settings

SNAPSHOT = Path(__file__).with_name("asset_graph.txt")


def asset_graph() -> str:
    """key [group, n checks of which m block] <- what it is made from."""
    with tempfile.TemporaryDirectory() as folder:
        definitions = build_definitions(Settings.load(environ={"MEAL_HOME": folder}))
    definitions.get_repository_def()
    graph = definitions.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        checks = [graph.get(check) for check in graph.asset_check_keys if check.asset_key == key]
        blocking = sum(1 for check in checks if check.blocking)
        made_from = ", ".join(sorted(parent.to_user_string() for parent in node.parent_keys))
        counts = f"{len(checks)} checks, {blocking} blocking" if checks else "no checks"
        lines.append(f"{key.to_user_string()} [{node.group_name}; {counts}] <- {made_from or 'nothing'}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    SNAPSHOT.write_text(asset_graph(), encoding="utf-8")
