"""The rehearsal as a server: its times, its models, and what is none of its business."""

import asyncio
from dataclasses import replace

import pytest

from helios_core.errors import ProviderFailed, RequestRefused
from helios_core.providers.chat import ChatAnswer, ChatMessage, ChatRequest
from helios_core.providers.endpoints import Endpoint
from helios_core.providers.memory import estimate
from helios_core.providers.ollama import Client
from helios_core.rehearsal.behaviour import Behaviour
from helios_core.rehearsal.server import RehearsalServer
from helios_core.runtime import prompts
from tests.rehearsal.conversation import told

QUICK = Behaviour(pace=0)


def ask(
    server: RehearsalServer, *, content: str = "What about our nightly reports?", model: str = "llama3.1:8b"
) -> ChatAnswer:
    """One answer."""

    async def answer() -> ChatAnswer:
        client = Client(Endpoint("ollama", "The rehearsal", server.address))
        try:
            async for part in client.stream(ChatRequest(model, (ChatMessage("user", content),))):
                if isinstance(part, ChatAnswer):
                    return part
        finally:
            await client.aclose()
        raise AssertionError

    return asyncio.run(answer())


def test_it_lists_models_and_keeps_the_ones_that_were_asked_loaded() -> None:
    async def look(server: RehearsalServer) -> None:
        client = Client(Endpoint("ollama", "The rehearsal", server.address))
        try:
            assert "llama3.1:8b" in [model.name for model in await client.models()]
            (loaded,) = await client.loaded()
            expected = estimate("llama3.1:8b", 4096)
            assert expected is not None
            assert loaded.name == "llama3.1:8b"
            assert loaded.vram_bytes == loaded.size_bytes == round(expected.required_mib * 2**20)
        finally:
            await client.aclose()

    with RehearsalServer(QUICK) as server:
        ask(server)
        asyncio.run(look(server))


def test_a_model_is_loaded_once_and_then_there() -> None:
    with RehearsalServer(Behaviour(pace=0.01)) as server:
        first, second, other = ask(server), ask(server), ask(server, model="qwen2.5:7b")
    assert first.durations.load_seconds == other.durations.load_seconds == pytest.approx(0.02)
    assert second.durations.load_seconds == 0
    assert first.durations.decode_seconds is not None
    assert first.durations.decode_seconds > 0


def test_it_takes_its_time_as_it_is_told() -> None:
    with RehearsalServer(replace(QUICK, pace=1, tokens_per_second=200, load_seconds=0.1)) as server:
        answer = ask(server)
    assert answer.output_tokens is not None
    assert answer.durations.total_seconds is not None
    assert answer.durations.total_seconds > 0.1 + answer.output_tokens / 200 / 2


def test_a_question_outside_a_team_is_answered_over_its_words() -> None:
    with RehearsalServer(QUICK) as server:
        answer = ask(server, content="Which window seats are quiet?")
    assert "window seats" in answer.text
    assert "rehearsal" in answer.text


def test_it_describes_models_it_knows_and_takes_every_name() -> None:
    async def describe(server: RehearsalServer) -> None:
        client = Client(Endpoint("ollama", "The rehearsal", server.address))
        try:
            assert (await client.describe("llama3.1:8b")).parameters == "8B"
            assert (await client.describe("somebody-elses-model")).capabilities == ("completion",)
        finally:
            await client.aclose()

    with RehearsalServer(QUICK) as server:
        asyncio.run(describe(server))
        assert ask(server, model="somebody-elses-model").text


def test_two_questions_are_answered_at_the_same_time() -> None:
    async def both(server: RehearsalServer) -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(asyncio.to_thread(ask, server), asyncio.to_thread(ask, server))
        return asyncio.get_running_loop().time() - began

    with RehearsalServer(replace(QUICK, pace=1, tokens_per_second=60, load_seconds=0)) as server:
        ask_alone = ask(server).durations.total_seconds
        assert ask_alone is not None
        assert asyncio.run(both(server)) < 1.8 * ask_alone


def test_some_answers_break_off_the_first_time_and_some_every_time() -> None:
    directive = told("What about our nightly reports?", QUICK).plan.directives[0]
    content = prompts.answer("You are an expert.", directive, "What about our nightly reports?").user
    with RehearsalServer(replace(QUICK, broken_share=1, failing_share=0)) as server:
        with pytest.raises(ProviderFailed, match="on purpose"):
            ask(server, content=content)
        assert "## Answer" in ask(server, content=content).text
    with RehearsalServer(replace(QUICK, failing_share=1)) as server:
        for _ in range(2):
            with pytest.raises(ProviderFailed):
                ask(server, content=content)


def test_what_cannot_be_read_is_refused() -> None:
    with RehearsalServer(QUICK) as server, pytest.raises(RequestRefused, match="invalid request"):
        ask(server, content="What?", model="")
