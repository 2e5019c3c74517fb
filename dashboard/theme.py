"""Colours and signs: what a status looks like, and which colour is whose. The rest is in .streamlit/config.toml."""

from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from helios_core.services.team import TEAM

Tone = Literal["ok", "warning", "critical", "unknown", "accent"]

SERIES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#6E7B8B")
"""The colours of Okabe and Ito, in their order, and grey for the rest."""

MARK = {"ok": "#009E73", "warning": "#E69F00", "critical": "#D55E00", "unknown": "#6E7B8B", "accent": "#3E63DD"}

MARKDOWN_COLOUR: dict[Tone, str] = {
    "ok": "green", "warning": "yellow", "critical": "orange", "unknown": "gray", "accent": "blue"
}  # fmt: skip
"""The name under which config.toml gives Streamlit's texts the colour of a tone."""

FACES = (
    "#3E63DD", "#0072B2", "#B05088", "#C2298A", "#0B7F73", "#8E4EC6",
    "#D13438", "#2F7D42", "#A15C2E", "#00799B", "#7A6A4F", "#5B5BD6",
)  # fmt: skip
"""Colours of faces, each dark enough for white letters."""


@dataclass(frozen=True, slots=True)
class Sign:
    """How a status shows: never by its colour alone."""

    icon: str
    word: str
    tone: Tone

    @property
    def data(self) -> dict[str, str]:
        """The sign for a component of ours."""
        return {"icon": self.icon, "word": self.word, "tone": self.tone}

    @property
    def markdown(self) -> str:
        """The sign for Streamlit's Markdown; icon and word stay in one line."""
        return f":{MARKDOWN_COLOUR[self.tone]}[{self.icon}\N{NO-BREAK SPACE}{self.word}]"


_SIGNS: dict[str, tuple[str, Tone]] = {
    # agents
    "online": ("●", "ok"), "working": ("◐", "accent"), "idle": ("○", "unknown"), "offline": ("✕", "unknown"),
    "error": ("▲", "critical"), "overloaded": ("■", "warning"),
    # delegations and conversations
    "pending": ("○", "unknown"), "in_progress": ("◐", "accent"), "under_way": ("◐", "accent"),
    "completed": ("●", "ok"), "failed": ("▲", "critical"), "cancelled": ("✕", "unknown"), "timeout": ("■", "warning"),
    "stuck": ("■", "warning"),
    # cards, allocations, parts of the installation
    "ok": ("●", "ok"), "warning": ("■", "warning"), "critical": ("▲", "critical"), "lost": ("✕", "critical"),
    "unknown": ("○", "unknown"), "stale": ("○", "unknown"), "throttled": ("▲", "critical"), "active": ("●", "ok"),
    "switched_off": ("✕", "unknown"), "revoked": ("✕", "unknown"), "expired": ("■", "unknown"),
    "in_force": ("●", "ok"), "waits": ("○", "unknown"), "off": ("○", "unknown"), "refused": ("✕", "critical"),
    "maintenance": ("■", "warning"), "review": ("◆", "accent"),
    "simulated": ("◇", "unknown"), "sample": ("◇", "unknown"),
}  # fmt: skip


def sign(status: str) -> Sign:
    """The sign of any status, outcome or health; one that nobody foresaw shows as unknown."""
    icon, tone = _SIGNS.get(status, ("○", "unknown"))
    return Sign(icon, status.replace("_", " "), tone)


def face_colour(agent_id: str) -> str:
    """An agent's colour: the same on every page and every day, and a different one for each of the default team."""
    index = TEAM.index(agent_id) if agent_id in TEAM else crc32(agent_id.encode())
    return FACES[index % len(FACES)]


def series_colour(name: str, among: list[str]) -> str:
    """The colour of `name` in a chart of the series `among`."""
    return SERIES[among.index(name) % len(SERIES)] if name in among else SERIES[-1]
