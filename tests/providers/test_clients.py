"""All five providers over real HTTP, at a server that speaks their wire formats."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import pytest
from pydantic import SecretStr

from helios_core import errors
from helios_core.providers.chat import ChatAnswer, ChatClient, ChatMessage, ChatRequest, ModelInfo
from helios_core.providers.clients import client_for
from helios_core.providers.endpoints import Endpoint, ProviderName, Timeouts
from tests.providers.served import served
from tests.providers.wire import KEY, MISSHAPEN, STRUCTURED, WORDS, Wire
from tests.waiting import eventually

T = TypeVar("T")

PROVIDERS: tuple[ProviderName, ...] = ("ollama", "openai", "anthropic", "google", "huggingface")
PATHS = {"openai": "openai/v1", "huggingface": "openai/v1"}
"""Where an address has a path of its own; elsewhere the SDK adds all of it."""
SCHEMA = {
    "title": "Reply",
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
QUICK = Timeouts(connect_seconds=2, first_token_seconds=0.5, idle_seconds=0.5, total_seconds=5)


@dataclass
class Place:
    """One provider, at the server."""

    wire: Wire
    endpoint: Endpoint

    def client(self, **changes: Any) -> ChatClient:  # noqa: ANN401
        """A client, of a changed endpoint."""
        return client_for(replace(self.endpoint, **changes))


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Wire, int]]:
    wire = Wire()
    with served(wire.app()) as port:
        yield wire, port


@pytest.fixture(params=PROVIDERS)
def place(request: pytest.FixtureRequest, server: tuple[Wire, int]) -> Place:
    provider: ProviderName = request.param
    wire, port = server
    wire.forget()
    address = f"http://127.0.0.1:{port}/{PATHS.get(provider, provider)}"
    return Place(wire, Endpoint(provider, "The server", address, key=SecretStr(KEY)))


def asked(client: ChatClient, model: str = "kind", **changes: Any) -> tuple[list[str], ChatAnswer]:  # noqa: ANN401
    """The texts and the answer to a small request."""
    request = ChatRequest(
        model=model,
        messages=(ChatMessage("system", "Be brief."), ChatMessage("user", "What is the answer?")),
        temperature=0.5,
        max_output_tokens=100,
    )

    async def ask() -> tuple[list[str], ChatAnswer]:
        texts: list[str] = []
        try:
            async for part in client.stream(replace(request, **changes)):
                if isinstance(part, ChatAnswer):
                    return texts, part
                texts.append(part)
        finally:
            await client.aclose()
        pytest.fail("The stream ended without an answer.")

    return asyncio.run(ask())


async def closing(client: ChatClient, work: Awaitable[T]) -> T:
    """What the work gives, with the client closed after it."""
    try:
        return await work
    finally:
        await client.aclose()


def refused(client: ChatClient, model: str) -> errors.ProviderError:
    """The error that a request ends with."""
    with pytest.raises(errors.ProviderError) as raised:
        asked(client, model)
    assert KEY not in str(raised.value)
    return raised.value


def test_an_answer_arrives_in_parts_and_then_whole(place: Place) -> None:
    texts, answer = asked(place.client())
    assert tuple(texts) == WORDS
    assert answer.text == "".join(WORDS)
    assert answer.structured is None
    assert (answer.input_tokens, answer.output_tokens) == (11, 4)
    assert answer.model == "kind"
    assert answer.provider == place.endpoint.provider
    assert answer.finish_reason in {"stop", "end_turn", "STOP"}
    sent = place.wire.bodies[0]
    assert "Be brief." in str(sent)
    assert ("0.5" in str(sent)) == (place.endpoint.provider != "anthropic")
    assert "100" in str(sent)
    assert any(KEY in value for value in place.wire.headers[0].values())


def test_durations_are_the_providers_where_it_tells_them(place: Place) -> None:
    _, answer = asked(place.client())
    durations = answer.durations
    told = (durations.load_seconds, durations.prefill_seconds, durations.decode_seconds)
    of_llama_cpp = (None, 0.02, 0.08)
    assert (
        told
        == {
            "ollama": (1.5, 0.1, 0.25),
            "openai": of_llama_cpp,
            "huggingface": of_llama_cpp,
            "anthropic": (None, None, None),
            "google": (None, None, None),
        }[place.endpoint.provider]
    )
    assert durations.queue_seconds is None
    assert durations.first_token_seconds is not None
    assert durations.total_seconds is not None
    assert 0 < durations.first_token_seconds <= durations.total_seconds


def test_a_structured_answer_follows_its_schema(place: Place) -> None:
    texts, answer = asked(place.client(), schema=SCHEMA)
    assert tuple(texts) == STRUCTURED
    assert answer.structured == {"answer": "42"}
    assert "additionalProperties" in str(place.wire.bodies[0])


def test_what_is_no_json_is_no_structured_answer(place: Place) -> None:
    """A server that ignores the schema, as some do."""
    with pytest.raises(errors.MisshapenAnswer, match="wrote something else") as raised:
        asked(place.client(), "prose", schema=SCHEMA)
    assert raised.value.text == "".join(WORDS)


def test_what_breaks_its_schema_says_where(place: Place) -> None:
    with pytest.raises(errors.MisshapenAnswer, match="is not what it was asked for") as raised:
        asked(place.client(), "misshapen", schema=SCHEMA)
    assert raised.value.fault == "At $.answer: 42 is not of type 'string'."
    assert raised.value.text == "".join(MISSHAPEN)


def test_a_refused_key_says_so_and_is_not_tried_again(place: Place) -> None:
    error = refused(place.client(), "locked")
    assert isinstance(error, errors.ProviderRefusedKey)
    assert not error.worth_retrying
    assert place.wire.asked["locked"] == 1


def test_an_unknown_model_is_named(place: Place) -> None:
    error = refused(place.client(), "unknown")
    assert isinstance(error, errors.UnknownModel)
    assert str(error) == "The server has no model unknown."
    assert place.wire.asked["unknown"] == 1


def test_a_request_that_is_not_taken_says_why_without_the_key(place: Place) -> None:
    error = refused(place.client(), "overlong")
    assert isinstance(error, errors.RequestRefused)
    assert "not with the key" in str(error)


def test_a_busy_provider_says_when_to_come_back(place: Place) -> None:
    place.wire.retry_after = "3600"
    error = refused(place.client(), "busy")
    assert isinstance(error, errors.ProviderBusy)
    assert error.worth_retrying
    assert error.retry_after_seconds == 3600
    assert place.wire.asked["busy"] == 1


def test_a_failure_is_left_to_whoever_asked(place: Place) -> None:
    error = refused(place.client(), "failing")
    assert isinstance(error, errors.ProviderFailed)
    assert error.worth_retrying
    assert place.wire.asked["failing"] == 1


def test_an_answer_that_is_cut_is_no_answer(place: Place) -> None:
    client = place.client()
    heard: list[str] = []
    request = ChatRequest(model="cut", messages=(ChatMessage("user", "What is the answer?"),))

    async def listen() -> None:
        async for part in client.stream(request):
            heard.append(str(part))  # noqa: PERF401 (kept although the stream fails)

    with pytest.raises(errors.BrokenAnswer) as raised:
        asyncio.run(closing(client, listen()))
    assert raised.value.worth_retrying
    assert heard == list(WORDS[: len(heard)]) != []
    assert place.wire.asked["cut"] == 1


def test_garbage_is_no_answer(place: Place) -> None:
    assert isinstance(refused(place.client(), "garbage"), errors.BrokenAnswer)


def test_a_model_that_says_nothing_times_out(place: Place) -> None:
    error = refused(place.client(timeouts=replace(QUICK, total_seconds=0.6)), "speechless")
    assert isinstance(error, errors.AnswerTimedOut)
    assert eventually(lambda: place.wire.left)


def test_a_model_that_falls_silent_times_out(place: Place) -> None:
    error = refused(place.client(timeouts=QUICK), "stuck")
    assert isinstance(error, errors.AnswerTimedOut)
    assert "more of its answer" in str(error)
    assert eventually(lambda: place.wire.left == ["stuck"])


def test_an_answer_without_an_end_is_left(place: Place) -> None:
    error = refused(place.client(), "endless")
    assert isinstance(error, errors.BrokenAnswer)
    assert eventually(lambda: place.wire.left)


@pytest.mark.parametrize("how", ["cancelled", "closed"])
def test_who_stops_listening_closes_the_connection(place: Place, how: str) -> None:
    client = place.client()
    request = ChatRequest(model="stuck", messages=(ChatMessage("user", "What is the answer?"),))

    async def listen() -> None:
        async with aclosing(client.stream(request)) as stream:
            async for _ in stream:
                if how == "closed":
                    return

    async def stop() -> None:
        task = asyncio.create_task(listen())
        if how == "cancelled":
            await asyncio.sleep(0.5)
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() == (how == "cancelled")
        left = await asyncio.to_thread(lambda: eventually(lambda: place.wire.left == ["stuck"], 2))
        assert left

    asyncio.run(closing(client, stop()))


def test_a_redirect_is_not_followed(place: Place) -> None:
    port = place.endpoint.address.split(":")[2].split("/")[0]
    place.wire.moved_to = f"http://127.0.0.1:{port}/ollama/api/chat"
    error = refused(place.client(address=f"http://127.0.0.1:{port}/moved"), "kind")
    assert isinstance(error, errors.RequestRefused)
    assert "not followed" in str(error)
    assert place.wire.bodies == []


def test_models_are_listed_by_name(place: Place) -> None:
    client = place.client()
    found = asyncio.run(closing(client, client.models()))
    assert [model.name for model in found] == ["alpha", "zeta"]
    assert found[0].context_tokens == 8192
    if place.endpoint.provider == "ollama":
        assert found[0] == ModelInfo("alpha", 4_900_000_000, 8192, "8.0B", "Q4_K_M")


def test_nobody_there_is_said(place: Place) -> None:
    client = place.client(address="http://127.0.0.1:9")
    with pytest.raises(errors.ProviderUnreachable, match="check that The server runs"):
        asyncio.run(closing(client, client.models()))
