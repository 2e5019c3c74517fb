"""Asking agents' models over real HTTP: how often, after how long, and what is said of an answer that is misshapen."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from sqlalchemy.orm import Session

from helios_core import errors
from helios_core.database.session import Database
from helios_core.models import ModelProvider
from helios_core.providers.chat import ChatAnswer
from helios_core.providers.endpoints import Endpoint
from helios_core.runtime import prompts
from helios_core.runtime.ledger import Ledger
from helios_core.runtime.models import Models
from helios_core.views.briefs import Seat
from tests.providers.served import served
from tests.providers.wire import WORDS, Wire

SEAT = Seat(
    agent_id="data_analyst",
    name="Data Analyst",
    description="",
    model_name="kind",
    model_provider=ModelProvider.OLLAMA,
    system_prompt="Be brief.",
    temperature=None,
    context_tokens=None,
    timeout_seconds=20,
    max_retries=2,
    priority=5,
    gpu_ids=(),
)
IN_WORDS = prompts.synthesis("Be brief.", "What is the answer?", [])
IN_JSON = replace(IN_WORDS, schema=prompts._object({"answer": prompts.TEXT}, title="Answer"))


@dataclass
class Asking:
    """A worker's models, and the server that all of them are asked at."""

    database: Database
    wire: Wire
    endpoint: Endpoint

    def ask(self, model: str, ask: prompts.Ask = IN_WORDS, max_retries: int = 2) -> ChatAnswer:
        """What a model of that name answers in the end."""

        def where(_session: Session, _provider: ModelProvider) -> Endpoint:
            return self.endpoint

        async def asked() -> ChatAnswer:
            models = Models(Ledger(self.database), where)
            try:
                seat = replace(SEAT, model_name=model, max_retries=max_retries)
                return await models.ask_patiently(seat, ask, lambda _: None)
            finally:
                await models.close()

        return asyncio.run(asked())


@pytest.fixture
def asking(database: Database) -> Iterator[Asking]:
    wire = Wire()
    with served(wire.app()) as port:
        yield Asking(database, wire, Endpoint("ollama", "The server", f"http://127.0.0.1:{port}/ollama"))


def test_a_provider_that_fails_is_asked_again(asking: Asking) -> None:
    assert asking.ask("failing").text == "".join(WORDS)
    assert asking.wire.asked["failing"] == 2


def test_a_busy_one_is_asked_when_it_says(asking: Asking) -> None:
    asking.wire.retry_after = "1"
    answer = asking.ask("busy")
    assert answer.text == "".join(WORDS)
    first, second = asking.wire.heard_at
    assert second - first >= 1


def test_as_often_as_the_agent_may_fail_and_no_more(asking: Asking) -> None:
    with pytest.raises(errors.ProviderFailed):
        asking.ask("failing", max_retries=0)
    assert asking.wire.asked["failing"] == 1
    with pytest.raises(errors.BrokenAnswer):
        asking.ask("cut")
    assert asking.wire.asked["cut"] == 3


def test_what_no_waiting_mends_is_not_waited_for(asking: Asking) -> None:
    asking.wire.retry_after = "3600"
    with pytest.raises(errors.ProviderBusy):
        asking.ask("busy")
    with pytest.raises(errors.ProviderRefusedKey):
        asking.ask("locked")
    assert asking.wire.asked == {"busy": 1, "locked": 1}


def test_a_misshapen_answer_is_given_back_once_with_its_fault(asking: Asking) -> None:
    with pytest.raises(errors.MisshapenAnswer):
        asking.ask("misshapen", IN_JSON, max_retries=0)
    first, second = (body["messages"][-1]["content"] for body in asking.wire.bodies)
    assert second.startswith(first)
    assert "> At $.answer: 42 is not of type 'string'." in second
    assert '"additionalProperties": false' in second


def test_an_answer_in_its_form_is_asked_for_once(asking: Asking) -> None:
    assert asking.ask("kind", IN_JSON).structured == {"answer": "42"}
    assert asking.wire.asked["kind"] == 1
