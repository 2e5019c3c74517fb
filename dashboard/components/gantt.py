"""Delegations as bars in time, a lane for each agent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from dashboard.components.face import face
from dashboard.components.packaged import component
from dashboard.components.tasks import Drawing, legend, task
from helios_core.views.delegations import Delegation

LEAST_SPAN = timedelta(seconds=10)


def gantt(delegations: Sequence[Delegation], since: datetime | None, until: datetime) -> int:
    """Draw what was going on between `since` (None: the first time there is) and `until`; how many were drawn."""
    timed = [row for row in delegations if row.segments and (since is None or row.segments[-1].ended_at > since)]
    if not timed:
        return 0
    first = min(row.segments[0].started_at for row in timed)
    last = until if since is not None else max(row.segments[-1].ended_at for row in timed)
    start = max(first, since) if since is not None else first
    length = max(last - start, LEAST_SPAN).total_seconds()
    bars = [(row, task(row, lambda at: (at - start).total_seconds()) | {"asked_by": ""}) for row in timed]
    data = {
        "origin_ms": round(start.timestamp() * 1000),
        "length": length,
        "lanes": lanes(bars),
        "legend": legend([bar for _, bar in bars]),
    }
    component("gantt")(key="gantt", data=data)
    return len(timed)


def lanes(bars: Sequence[tuple[Delegation, Drawing]]) -> list[dict[str, Any]]:
    """A lane for each agent, and further ones below it for what the agent did at the same time."""
    agents = {row.target_agent_id: row.target_name for row, _ in bars}
    found: list[dict[str, Any]] = []
    for agent_id in sorted(agents):
        known = face(agent_id, agents[agent_id])
        own = sorted((bar for row, bar in bars if row.target_agent_id == agent_id), key=itemgetter("start"))
        found += [
            {**known, "id": f"{known['id']} {index}", "is_more": index > 0, "tasks": together, "marks": []}
            for index, together in enumerate(side_by_side(own))
        ]
    return found


def side_by_side(bars: Sequence[Drawing]) -> list[list[Drawing]]:
    """Bars, sorted by their start, in as few rows as hold them without overlap."""
    rows: list[list[Drawing]] = []
    for bar in bars:
        free = next((row for row in rows if row[-1]["end"] <= bar["start"]), None)
        if free is None:
            rows.append([bar])
        else:
            free.append(bar)
    return rows
