"""How the planner reads the tables that grow."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Plan = Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """One node of a plan that reads a table: how, and how many rows it looked at in all its loops.

    `is_led`: an index led it to them by a condition; else it went along the table, or along an index.
    """

    node: str
    table: str
    rows: int
    is_led: bool


def readings(plan: Plan) -> Iterator[Reading]:
    """Every node below `plan` (as EXPLAIN (ANALYZE, FORMAT JSON) prints it) that reads a table."""
    if "Relation Name" in plan or "Index Name" in plan:
        looked_at = sum(
            plan.get(kind, 0) for kind in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        )
        table = plan.get("Relation Name") or plan["Index Name"]
        rows = round(looked_at * plan.get("Actual Loops", 1))
        yield Reading(str(plan["Node Type"]), str(table), rows, "Index Cond" in plan or "Recheck Cond" in plan)
    for part in plan.get("Plans", ()):
        yield from readings(part)


def scans(plan: Plan, growing: Collection[str], most_rows: int) -> list[Reading]:
    """What reads a growing table row by row, or goes along an index for more than `most_rows`."""
    return [
        reading
        for reading in readings(plan)
        if any(reading.table == table or reading.table.startswith(f"{table}_") for table in growing)
        and (reading.rows if reading.node == "Seq Scan" else reading.rows > most_rows and not reading.is_led)
    ]
