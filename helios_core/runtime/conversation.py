"""Leading a conversation through its phases, from wherever it stands to its end.

Each phase ends with a step that writes what came of it and enters the next, in one transaction. Who carries the
conversation on after a crash begins with the phase that is written, and takes what is written in it as done.
"""

import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from helios_core.errors import HoldLost, ProviderError
from helios_core.models import ConversationPhase, MultiAgentConversation
from helios_core.runtime.closing import complete, review, synthesise
from helios_core.runtime.planning import plan
from helios_core.runtime.processing import process
from helios_core.runtime.tools import Desk
from helios_core.services import drafts, runs, statuses
from helios_core.services.records import Outcome
from helios_core.services.runs import Hold
from helios_core.services.transcripts import enter
from helios_core.views.briefs import Brief, brief

PHASES: Mapping[ConversationPhase, Callable[[Desk, Brief], Awaitable[Brief]]] = {
    ConversationPhase.PLANNING: plan,
    ConversationPhase.DELEGATION: plan,
    ConversationPhase.PROCESSING: process,
    ConversationPhase.SYNTHESIS: synthesise,
    ConversationPhase.REVIEW: review,
    ConversationPhase.COMPLETION: complete,
}


def take_up(session: Session, conversation_id: int, worker_id: UUID) -> tuple[Hold, Brief] | None:
    """Take a run up: the hold on it, and all that is known; None where it has ended. A new one is ready to plan."""
    taken, look = runs.take(session, conversation_id, worker_id), brief(session, conversation_id)
    hold = taken()
    if hold is None:
        return None
    found = look()
    statuses.enlist(session, found.user_id, found.seats)
    if found.phase not in PHASES:
        to_come = (ConversationPhase.INGESTION, ConversationPhase.PLANNING)
        enter(session, conversation_id, *(phase for phase in to_come if phase is not found.phase))
        found = replace(found, phase=ConversationPhase.PLANNING)
    else:
        drafts.write(session, (), finished=[conversation_id])  # of the worker before
    statuses.settle(session, [(found.user_id, found.pm_agent_id)])
    return hold, found


async def lead(desk: Desk, found: Brief) -> None:
    """Carry a conversation to its end. What goes wrong for good ends it with a sentence; raises HoldLost."""
    try:
        if found.pm_agent_id not in found.seats:
            await _end(desk, "failed", f"{found.pm_agent_id} is switched off; somebody has to plan.")
            return
        await _mark_rehearsal(desk, found)
        while not found.is_over:
            await desk.until_resumed()
            found = await PHASES[found.phase](desk, found)
    except ProviderError as error:
        await _end(desk, "failed", str(error))
    except HoldLost:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, this conversation cannot go on, and others can
        traceback.print_exc()
        await _end(desk, "failed", f"Helios failed in a way it did not expect: {type(error).__name__}.")


async def _end(desk: Desk, outcome: Outcome, reason: str) -> None:
    await desk.write("finish", lambda session: runs.finish(session, desk.hold, outcome, reason))


async def _mark_rehearsal(desk: Desk, found: Brief) -> None:
    """Let everybody who looks at a conversation know that its answers are made up."""
    manager = found.seats[found.pm_agent_id]
    if not found.is_rehearsal and (await desk.tools.models.endpoint(manager.model_provider)).is_rehearsal:

        def mark(session: Session) -> None:
            session.get_one(MultiAgentConversation, found.conversation_id).source = "rehearsal"

        await desk.write("rehearsal", mark)
