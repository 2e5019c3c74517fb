"""`helios run`: a conversation of the team, led from a terminal."""

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from helios_core.commands.options import Data, workspace_for

if TYPE_CHECKING:
    from helios_core.services.workspace import Workspace
    from helios_core.views.runs import Progress
    from helios_core.views.transcripts import Message

LOOK_SECONDS = 0.25
PATIENCE_SECONDS = 5.0
"""How long a conversation waits before the terminal says that no worker takes it up."""
FIRST, LAST = 1, 2**31 - 1
"""The positions of all messages but the question."""

Agents = Annotated[
    list[str] | None, typer.Option("--agent", metavar="ID", help="An expert whom the PM may address; else all.")
]

Priority = Annotated[
    int, typer.Option("--priority", metavar="N", min=1, max=10, help="The highest is taken up first; 5 is usual.")
]


def run_command(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What the team is asked.")],
    *,
    agent: Agents = None,
    priority: Priority = 5,
    data: Data = None,
    json: Annotated[
        bool, typer.Option("--json", help="End with the whole record; the progress goes to stderr.")
    ] = False,
) -> None:
    """Ask the team a question, and watch it work. Ctrl-C cancels the conversation."""
    from helios_core.services.exports import export_file
    from helios_core.services.runs import start_conversation
    from helios_core.supervision.signals import stoppable

    workspace = workspace_for(data)
    with stoppable():
        conversation_id = workspace.act(
            lambda session: start_conversation(session, question, agent_ids=agent, priority=priority)
        )
        terminal = Terminal(workspace, conversation_id, sys.stderr if json else sys.stdout)
        try:
            ended = terminal.watch()
        except KeyboardInterrupt:
            _cancel(workspace, conversation_id)
            terminal.say(f"Conversation {conversation_id} was cancelled.")
            raise typer.Exit(130) from None
    if json:
        typer.echo(workspace.read(lambda session: export_file(session, conversation_id)))
    if ended.outcome != "completed":
        raise typer.Exit(1)


def _cancel(workspace: "Workspace", conversation_id: int) -> None:
    from contextlib import suppress

    from helios_core.errors import TransitionRefused
    from helios_core.services.runs import cancel_conversation

    with suppress(TransitionRefused):  # it has just ended by itself
        workspace.act(lambda session: cancel_conversation(session, conversation_id, "Cancelled from the terminal."))


class Terminal:
    """What the terminal has shown of a conversation, and what is new."""

    def __init__(self, workspace: "Workspace", conversation_id: int, out: TextIO) -> None:
        self._workspace = workspace
        self._conversation_id = conversation_id
        self._out = out
        self._shown = FIRST
        self._phases = 0
        self._line = ""
        self._began_at = time.monotonic()
        self._has_warned = False
        self._has_named_rehearsal = False

    def watch(self) -> "Progress":
        """Show what happens until the conversation ends; how it ended."""
        from helios_core.views.runs import progress

        self.say(f"Conversation {self._conversation_id}. Ctrl-C cancels it.")
        while True:
            seen = self._workspace.read(lambda session: progress(session, self._conversation_id))
            self._show(seen)
            if seen.outcome is not None:
                self.say(ending(seen))
                return seen
            time.sleep(LOOK_SECONDS)

    def say(self, text: str) -> None:
        """Print a line, in place of the one that says who is thinking."""
        self._erase()
        print(plain(text), file=self._out, flush=True)

    def _show(self, seen: "Progress") -> None:
        from helios_core.views.transcripts import messages

        if seen.is_rehearsal and not self._has_named_rehearsal:
            self._has_named_rehearsal = True
            self.say("This is a rehearsal: no model is asked, and every answer is made up.")
        if seen.messages > self._shown:
            new = self._workspace.read(lambda session: messages(session, self._conversation_id, self._shown, LAST))
            for message in new:
                self._enter(seen.phases, message.phase)
                self.say(spoken(message))
            self._shown = new[-1].position + 1 if new else self._shown
        self._enter(seen.phases)
        if seen.state == "waiting" and not self._has_warned and time.monotonic() - self._began_at > PATIENCE_SECONDS:
            self._has_warned = True
            self.say("No worker takes it up; start one with `helios up` or `helios work`.")
        self._show_thinking(seen)

    def _enter(self, phases: Sequence[str], until: str | None = None) -> None:
        """Name the phases that have begun: all of them, or those that led to `until`, where a message was said."""
        left = list(phases[self._phases :])
        if until is not None:
            current = phases[self._phases - 1] if self._phases else None
            left = left[: left.index(until) + 1] if until != current and until in left else []
        for phase in left:
            self.say(f"-- {phase}")
        self._phases += len(left)

    def _show_thinking(self, seen: "Progress") -> None:
        """Say who is thinking, and the end of what they have written, in one line that is written anew."""
        if self._out.isatty():
            self._erase()
            self._line = plain(thinking(seen))[:LINE_CHARACTERS]
            self._out.write(self._line)
            self._out.flush()

    def _erase(self) -> None:
        if self._line:
            self._out.write("\r" + " " * len(self._line) + "\r")
            self._line = ""


LINE_CHARACTERS = 78
TAIL_CHARACTERS = 40


def thinking(seen: "Progress") -> str:
    """Who is thinking, for how long, and the last words that they wrote."""
    who = [f"{one.name}: {' '.join(one.text[-TAIL_CHARACTERS:].split()) or 'thinking'}" for one in seen.writing]
    seconds = 0.0 if seen.started_at is None else (seen.now - seen.started_at).total_seconds()
    return f"{seconds:.0f} s  " + ("  |  ".join(who) or seen.state)


def spoken(message: "Message") -> str:
    """A message as the terminal shows it."""
    from helios_core.views.participants import named

    to = f" to {named(message.addressee)}" if message.addressee else ""
    tokens = f", {message.output_tokens} tokens" if message.output_tokens is not None else ""
    indented = "\n".join(f"   {line}" for line in message.content.splitlines())
    return f"{named(message.speaker)}{to} ({message.kind}{tokens}):\n{indented}"


def ending(seen: "Progress") -> str:
    """How a conversation ended, in a sentence."""
    seconds = None if seen.ended_at is None or seen.started_at is None else seen.ended_at - seen.started_at
    took = "" if seconds is None else f" after {seconds.total_seconds():.1f} s"
    why = f": {seen.outcome_reason}" if seen.outcome_reason else "."
    return f"Conversation {seen.conversation_id} {seen.outcome}{took}{why}"


def plain(text: str) -> str:
    """`text` without what a terminal would obey."""
    return "".join(character for character in text if character in "\n\t" or character.isprintable())
