"""What may be broken in a worker on purpose, so that the history is seen to tell of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from helios_core.database.session import Principal
from helios_core.runtime import tools
from helios_core.runtime.ledger import Ledger, UseCase
from helios_core.services import delegations, responses, runs, slots, workers
from helios_core.services.responses import NewResponse
from helios_core.services.runs import Hold


def no_fence() -> None:
    """Write whether the run is held or not."""

    def always(_session: Session, holds: Collection[Hold]) -> frozenset[Hold]:
        return frozenset(holds)

    for module in (runs, responses, delegations):
        _replace(module, "locked", always)
    _replace(tools, "is_paused", lambda _session, _hold: False)


def deaf() -> None:
    """Never see that others have what one held."""
    _replace(workers, "beat", lambda _session, worker_id: worker_id is not None)


def answer_twice() -> None:
    """Write each answer once more, whether it is there or not."""
    once = responses.respond

    def twice(session: Session, answers: Sequence[NewResponse]) -> Mapping[int, int]:
        once(session, answers)
        return once(session, answers)

    _replace(responses, "ANSWERED", _without(responses.ANSWERED, "AND status = 'in_progress'"))
    _replace(responses, "respond", twice)


def lose_answers() -> None:
    """Take answers for written that are not committed."""
    commits = Ledger._commit

    def commit(self: Ledger, step: str, use_case: UseCase[Any], principal: Principal) -> Any:  # noqa: ANN401
        if step != "respond":
            return commits(self, step, use_case, principal)
        with self._database.session(principal) as session:
            return use_case(session)

    _replace(Ledger, "_commit", commit)


def crowd_cards() -> None:
    """Grant slots that others hold."""
    _replace(slots, "GRANT", _without(slots.GRANT, "HAVING bool_and(coalesce(place <= free, false))"))


FAULTS: Mapping[str, Callable[[], None]] = {
    "no fence": no_fence,
    "deaf": deaf,
    "answers twice": answer_twice,
    "loses answers": lose_answers,
    "crowds cards": crowd_cards,
}


def _replace(where: object, name: str, by: object) -> None:
    getattr(where, name)
    setattr(where, name, by)


def _without(statement: TextClause, words: str) -> TextClause:
    found = str(statement)
    if words not in found:
        message = f"Nothing is broken by leaving out {words!r}, which is not there."
        raise ValueError(message)
    return text(found.replace(words, ""))
