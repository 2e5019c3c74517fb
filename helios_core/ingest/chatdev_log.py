"""ChatDev's own log: entries that begin with `[2025-13-05 10:31:38 INFO]`, year-day-month, each with its lines.

What becomes of the conversation is said in `helios_core.ingest.chatdev`; here the entries are read. A log tells more
than a parsed file: who is to answer a chat that nobody answered, the roles' system prompts, and the tokens of each
call. The calls of a turn are logged before its messages and in their order, so they are matched one to one, and only
where there are as many calls as messages.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from helios_core.errors import ImportRefused
from helios_core.ingest.chatdev import Run, Turn, model_named, record_of, totals
from helios_core.services.records import ConversationRecord

HEAD = re.compile(r"^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) [A-Z]+\] ", re.MULTILINE)
OPENING = re.compile(r"(?P<speaker>[^\n:]+): \*\*\[Start Chat\]\*\*\n")
TURN = re.compile(
    r"(?P<speaker>[^\n:]+): \*\*(?P<assistant>[^\n]+?)<->(?P<assigner>[^\n]+?) on : (?P<phase>[^\n,]+), turn \d+\*\*\n"
)
ROW = re.compile(r"^\| \*\*(\w+)\*\* \| (.*) \|$", re.MULTILINE)
FACT = re.compile(r"^\*\*(task_prompt|project_name)\*\*: (.*?)\n\n", re.MULTILINE | re.DOTALL)
TOTAL = re.compile(r"\*\*(\w+)\*\*=(\S+)")
USED = re.compile(r"^(prompt|completion)_tokens: (-?\d+)$", re.MULTILINE)
CHATTING, USAGE, CALL, CLOSING = (
    "System: **[chatting]**",
    "**[OpenAI_Usage_Info",
    "HTTP Request: POST ",
    "**[Post Info]**",
)


@dataclass(frozen=True)
class Entry:
    """One entry of the log, without its head."""

    line: int
    at: datetime
    text: str


@dataclass
class Reading:
    """What has been read of a log so far."""

    facts: dict[str, str] = field(default_factory=dict)
    chat: dict[str, str] = field(default_factory=dict)
    """The parameters of the chat that is under way."""
    prompts: dict[str, str] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    calls: int = 0
    usages: list[tuple[int | None, int | None]] = field(default_factory=list)
    unmatched: int = 0
    """How many of the last turns wait for being matched with `usages`."""
    closing: dict[str, str] = field(default_factory=dict)


def starts_like_a_log(content: bytes) -> bool:
    """Whether `content` begins with the head of an entry."""
    return HEAD.match(content[:64].decode("utf-8", "replace")) is not None


def parse(content: bytes) -> ConversationRecord:
    """The record of a ChatDev log."""
    reading, text = Reading(), decoded(content)
    for entry in entries(text):
        take(reading, entry)
    match_usages(reading)
    check_complete(reading, last_line=text.rstrip().count("\n") + 1)
    closing = reading.closing
    return record_of(
        Run(
            project=reading.facts["project_name"],
            task=reading.facts["task_prompt"],
            model_name=model_named(reading.chat.get("model_type")),
            turns=reading.turns,
            reported=totals(
                closing.get("duration"),
                closing.get("num_prompt_tokens"),
                closing.get("num_completion_tokens"),
                closing.get("cost"),
            ),
            prompts=reading.prompts,
        )
    )


def decoded(content: bytes) -> str:
    """The log as text, every character of which can be stored."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as broken:
        line = content.count(b"\n", 0, broken.start) + 1
        column = broken.start - content.rfind(b"\n", 0, broken.start)
        raise ImportRefused(f"line {line}, byte {column}: text in UTF-8 is expected ({broken.reason})") from broken
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ImportRefused(f"line {line}: the text holds a zero character, which cannot be stored; remove it")
    return text.replace("\r\n", "\n")


def entries(text: str) -> Iterator[Entry]:
    """The entries of a log, in its order."""
    heads = list(HEAD.finditer(text))
    line, counted = 1, 0
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        line += text.count("\n", counted, head.start())
        counted = head.start()
        end = following.start() if following else len(text)
        yield Entry(line, moment(head[1], line), text[head.end() : end])


def moment(written: str, line: int) -> datetime:
    """A time in ChatDev's order: year, day, month."""
    try:
        return datetime.strptime(written, "%Y-%d-%m %H:%M:%S").replace(tzinfo=UTC)
    except ValueError as broken:
        raise ImportRefused(f"line {line}: a time as year-day-month is expected (found: {written})") from broken


def take(reading: Reading, entry: Entry) -> None:
    """Add what one entry says. Entries of other kinds say nothing about the conversation."""
    text = entry.text
    if text.startswith("**[Preprocessing]**"):
        reading.facts.update(FACT.findall(text))
    elif text.startswith(CHATTING):
        take_parameters(reading, text)
    elif text.startswith(CALL):
        reading.calls += 1
    elif text.startswith(USAGE):
        take_usage(reading, text)
    elif text.startswith(CLOSING):
        reading.closing.update(TOTAL.findall(text))
    elif (opening := OPENING.match(text)) is not None:
        take_opening(reading, entry, opening)
    elif (turn := TURN.match(text)) is not None:
        take_turn(reading, entry, turn)


def take_parameters(reading: Reading, text: str) -> None:
    """The table before a chat: its phase, its two roles, their prompts, the model."""
    reading.chat = dict(ROW.findall(text))
    for role in ("assistant", "user"):
        name, prompt = reading.chat.get(f"{role}_role_name"), reading.chat.get(f"{role}_role_prompt")
        if name and prompt:
            reading.prompts.setdefault(name, prompt)


def take_usage(reading: Reading, text: str) -> None:
    """The tokens of one call."""
    if reading.unmatched:
        match_usages(reading)
    used = {kind: int(count) for kind, count in USED.findall(text) if 0 <= int(count) < 2**31}
    reading.usages.append((used.get("prompt"), used.get("completion")))


def take_opening(reading: Reading, entry: Entry, opening: re.Match[str]) -> None:
    """The message that starts a chat. It is a template filled in: no model was called, and so it took no tokens."""
    match_usages(reading)
    if "phase_name" not in reading.chat:
        raise ImportRefused(f"line {entry.line}: a chat starts, and no `[chatting]` table before it names its phase")
    turn = Turn(
        at=entry.at,
        speaker=opening["speaker"],
        phase=reading.chat["phase_name"],
        assistant=reading.chat.get("assistant_role_name"),
        is_opening=True,
        content=spoken(entry.text[opening.end() :]),
        calls=0,
        input_tokens=0,
        output_tokens=0,
    )
    reading.turns.append(turn)
    reading.calls = 0


def take_turn(reading: Reading, entry: Entry, turn: re.Match[str]) -> None:
    """A message within a chat."""
    reading.turns.append(
        Turn(
            at=entry.at,
            speaker=turn["speaker"],
            phase=turn["phase"],
            assistant=turn["assistant"],
            is_opening=False,
            content=spoken(entry.text[turn.end() :]),
            calls=reading.calls,
        )
    )
    reading.calls = 0
    reading.unmatched += 1


def spoken(body: str) -> str:
    """What was said, without the listener's system prompt that the log puts in brackets before it."""
    body = body.strip("\n")
    if body.startswith("["):
        _, closed, said = body.partition("]\n\n")
        return said if closed else body
    return body


def match_usages(reading: Reading) -> None:
    """Give the last turns the tokens of the calls before them, where there are as many."""
    if reading.unmatched and reading.unmatched == len(reading.usages):
        matched = [
            replace(turn, input_tokens=used[0], output_tokens=used[1])
            for turn, used in zip(reading.turns[-reading.unmatched :], reading.usages, strict=True)
        ]
        reading.turns[-reading.unmatched :] = matched
    if reading.unmatched:
        reading.usages.clear()
    reading.unmatched = 0


def check_complete(reading: Reading, last_line: int) -> None:
    """Refuse a log that lacks its beginning, its end, or messages in between."""
    missing = next((name for name in ("task_prompt", "project_name") if not reading.facts.get(name)), None)
    if missing:
        raise ImportRefused(f"line 1: `**{missing}**` is expected in the entry `[Preprocessing]`, and is not there")
    if not reading.turns:
        raise ImportRefused(f"line {last_line}: the log ends without any message")
    if not reading.closing:
        raise ImportRefused(
            f"line {last_line}: the log ends here, before ChatDev's closing report (`[Post Info]`); "
            "it was cut off, or the run has not ended"
        )
    said = reading.closing.get("num_utterances", str(len(reading.turns)))
    if said != str(len(reading.turns)):
        raise ImportRefused(
            f"line {last_line}: {said} messages are expected by the report, and there are {len(reading.turns)}"
        )
