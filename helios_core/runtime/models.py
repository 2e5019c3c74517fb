"""The models of a team: each agent's is asked where its provider answers, with patience for what passes by itself."""

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing

from sqlalchemy.orm import Session

from helios_core.errors import (
    AnswerTimedOut,
    BrokenAnswer,
    ConfigurationError,
    MisshapenAnswer,
    ProviderError,
    RequestRefused,
)
from helios_core.models import ModelProvider
from helios_core.providers.chat import ChatAnswer, ChatClient, ChatMessage, ChatRequest
from helios_core.providers.clients import client_for
from helios_core.providers.endpoints import Endpoint
from helios_core.runtime.ledger import Ledger
from helios_core.runtime.patience import WAIT_SECONDS, pause_after
from helios_core.runtime.prompts import Ask, corrected
from helios_core.views.briefs import Seat

KEPT_SECONDS = 5.0
"""How long it is taken for granted where a provider answers."""

Say = Callable[[str], None]
Where = Callable[[Session, ModelProvider], Endpoint]


class Models:
    """The clients of a worker: one for each endpoint, opened when it is first needed."""

    def __init__(self, ledger: Ledger, where: Where, connect: Callable[[Endpoint], ChatClient] = client_for) -> None:
        self._ledger = ledger
        self._where = where
        self._connect = connect
        self._endpoints: dict[ModelProvider, tuple[float, Endpoint]] = {}
        self._clients: dict[Endpoint, ChatClient] = {}

    async def endpoint(self, provider: ModelProvider) -> Endpoint:
        """Where a provider's models answer. Raises ProviderError where no operator has said it."""
        known = self._endpoints.get(provider)
        if known is None or time.monotonic() - known[0] > KEPT_SECONDS:
            try:
                found = await self._ledger.act("endpoint", lambda session: self._where(session, provider))
            except ConfigurationError as error:
                raise RequestRefused(str(error)) from error
            known = self._endpoints[provider] = (time.monotonic(), found)
        return known[1]

    async def ask(self, seat: Seat, ask: Ask, say: Say) -> ChatAnswer:
        """Ask an agent's model once, within the agent's own time. Raises ProviderError."""
        try:
            async with asyncio.timeout(seat.timeout_seconds):
                return await self._ask(seat, ask, say)
        except TimeoutError as error:
            message = f"{seat.model_name} did not answer within {seat.timeout_seconds} s."
            raise AnswerTimedOut(message) from error

    async def ask_patiently(self, seat: Seat, ask: Ask, say: Say) -> ChatAnswer:
        """Ask as often as the agent's retries allow, and name the fault of a misshapen answer once beside that.

        Raises the last ProviderError.
        """
        failures, waited, asked = 0, 0.0, ask
        while True:
            try:
                return await self.ask(seat, asked, say)
            except ProviderError as error:
                if isinstance(error, MisshapenAnswer):
                    if asked is not ask:
                        raise
                    asked = corrected(ask, error.fault)
                    continue
                failures += 1
                pause = pause_after(failures, error)
                if pause is None or failures > seat.max_retries or waited + pause > WAIT_SECONDS:
                    raise
                waited += pause
            await asyncio.sleep(pause)

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.aclose()

    async def _ask(self, seat: Seat, ask: Ask, say: Say) -> ChatAnswer:
        say("")  # to be seen thinking
        client = await self._client(seat.model_provider)
        request = ChatRequest(
            model=seat.model_name,
            messages=(ChatMessage("system", ask.system), ChatMessage("user", ask.user)),
            temperature=seat.temperature,
            context_tokens=seat.context_tokens,
            schema=ask.schema,
        )
        text = ""
        async with aclosing(client.stream(request)) as pieces:
            async for piece in pieces:
                if isinstance(piece, ChatAnswer):
                    return piece
                text += piece
                if ask.schema is None:  # JSON is nothing to read along
                    say(text)
        raise BrokenAnswer

    async def _client(self, provider: ModelProvider) -> ChatClient:
        endpoint = await self.endpoint(provider)
        if endpoint not in self._clients:
            self._clients[endpoint] = self._connect(endpoint)
        return self._clients[endpoint]
