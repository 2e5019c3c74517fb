"""What a request asks for, from its words and its schema alone: the rehearsal knows no more than a model would."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PURPOSES = {
    "# Plan the work": "plan",
    "# Answer the directive": "answer",
    "# Judge the answer": "judge",
    "# Draw the claims": "claims",
    "# Write the synthesis": "synthesis",
    "# Review the synthesis": "review",
}
TITLES = {"Plan": "plan", "Judgement": "judge", "Claims": "claims", "Review": "review"}
"""The titles of schemas."""
DIRECTIVE = re.compile(r"^@\[(?P<name>[^\]]+)\] (?P<task>.+)$", re.MULTILINE)
NUMBERED = re.compile(r"^\d+\. \[(?P<name>.+)\]$")
MEMBER = re.compile(r"^- \[(?P<name>[^\]]+)\] ?(?P<description>.*)$", re.MULTILINE)
BULLET = re.compile(r"^- (.+)$", re.MULTILINE)
QUOTE = "> "


@dataclass(frozen=True, slots=True)
class Response:
    """What an expert answered."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read."""

    purpose: str
    """One of `PURPOSES`, or "talk"."""
    question: str
    is_structured: bool = False
    expert: str = "Expert"
    task: str = ""
    requirements: tuple[str, ...] = ()
    team: tuple[tuple[str, str], ...] = ()
    """Names, with what each is there for."""
    responses: tuple[Response, ...] = ()
    quotations: Mapping[str, str] = field(default_factory=dict)
    """Every quotation by the line before it."""

    def quoted(self, beginning: str) -> str:
        """The quotation whose line before it begins so; "" where there is none."""
        return next((text for title, text in self.quotations.items() if title.startswith(beginning)), "")


def read(messages: Sequence[Mapping[str, Any]], schema: Mapping[str, Any] | None) -> Asked:
    """The request behind messages as Ollama takes them."""
    user = next(
        (str(message.get("content", "")) for message in reversed(messages) if message.get("role") == "user"), ""
    )
    quotations = dict(quotations_of(user))
    purpose = TITLES.get(str((schema or {}).get("title"))) or PURPOSES.get(user.partition("\n")[0].strip(), "talk")
    own = "\n".join(line for line in user.splitlines() if not line.startswith(QUOTE))
    directive = quotations.get("The directive:", "") if purpose == "judge" else own
    addressed = DIRECTIVE.search(directive)
    return Asked(
        purpose=purpose,
        question=_question(quotations) or user.strip()[:500],
        is_structured=schema is not None,
        expert=addressed["name"] if addressed else "Expert",
        task=addressed["task"] if addressed else "",
        requirements=tuple(_requirements(directive)),
        team=tuple((found["name"], found["description"]) for found in MEMBER.finditer(own)),
        responses=tuple(
            Response(found["name"], text) for title, text in quotations.items() if (found := NUMBERED.match(title))
        ),
        quotations=quotations,
    )


def quotations_of(text: str) -> Iterator[tuple[str, str]]:
    """Every quotation with the line before it."""
    title, lines = "", list[str]()
    for line in [*text.splitlines(), ""]:
        if line.startswith(QUOTE) or line == QUOTE.strip():
            lines.append(line.removeprefix(">").removeprefix(" "))
            continue
        if lines:
            yield title, "\n".join(lines)
            lines = []
        title = line.strip() or title


def _question(quotations: Mapping[str, str]) -> str:
    return next((text for title, text in quotations.items() if title.startswith("The question")), "").strip()


def _requirements(directive: str) -> list[str]:
    """The bullets under "Requirements:", up to the next paragraph."""
    _, found, rest = directive.partition("Requirements:\n")
    return BULLET.findall(rest.partition("\n\n")[0].partition("Depends on:")[0]) if found else []
