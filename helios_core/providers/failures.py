"""What went wrong, in the words of `helios_core.errors`, whichever SDK met it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx2

from helios_core.errors import (
    AnswerTimedOut,
    BrokenAnswer,
    ProviderBusy,
    ProviderError,
    ProviderFailed,
    ProviderRefusedKey,
    ProviderUnreachable,
    RequestRefused,
    UnknownModel,
)
from helios_core.providers.endpoints import Endpoint

BUSY = frozenset({408, 409, 425, 429, 503, 529})
QUOTED_CHARACTERS = 300
OUT_OF_CREDIT = "insufficient_quota"
"""OpenAI's word where no waiting helps, though its status says so."""


@contextmanager
def translated(endpoint: Endpoint, model: str | None = None) -> Iterator[None]:
    """Raise what a block raises as a ProviderError; `model` is the one that was asked."""
    try:
        yield
    except ProviderError:
        raise
    except Exception as error:  # what an SDK raises on garbage is anything
        raise failure(error, endpoint, model) from error


def failure(error: BaseException, endpoint: Endpoint, model: str | None) -> ProviderError:
    """The reason behind an SDK's error: SDKs wrap the one below them."""
    for cause in causes(error):
        if isinstance(cause, ProviderError):
            return cause
        response = getattr(cause, "response", None)
        if isinstance(response, httpx2.Response):
            return refusal(response, endpoint, model)
        if isinstance(cause, httpx2.TransportError):
            return _transport_failure(cause, endpoint)
    return BrokenAnswer(f"The answer of {endpoint.name} cannot be read as one of {endpoint.provider}'s.")


def refusal(response: httpx2.Response, endpoint: Endpoint, model: str | None) -> ProviderError:
    """What a status says. The provider's own words are quoted only where they say what to change."""
    status, name = response.status_code, endpoint.name
    if response.is_redirect:
        target = httpx2.URL(response.headers.get("location", "")).host or "elsewhere"
        return RequestRefused(f"{name} sends us on to {target}, which is not followed; correct its address.")
    if status in {401, 403}:
        return ProviderRefusedKey(f"{name} does not accept the key ({status}); give it another one in Settings.")
    if status == 404:
        return UnknownModel(f"{name} has no model {model}.") if model else RequestRefused(_not_there(endpoint))
    words = quoted(response, endpoint)
    if status in BUSY and OUT_OF_CREDIT not in words:
        return ProviderBusy(f"{name} has too much to do ({status}).", retry_after(response))
    if status < 400 or status >= 500:
        return ProviderFailed(f"{name} failed ({status}): {words}" if words else f"{name} failed ({status}).")
    return RequestRefused(f"{name} does not take this request ({status}): {words}")


def quoted(response: httpx2.Response, endpoint: Endpoint) -> str:
    """The message of an error as providers write it, on one line, cut, without our key; "" where there is none."""
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError, httpx2.ResponseNotRead):
        return ""
    fields = error if isinstance(error, dict) else {"message": error}
    words = " ".join(str(fields[field]) for field in ("code", "message") if fields.get(field))
    if endpoint.key is not None:
        words = words.replace(endpoint.key.get_secret_value(), "…")
    return " ".join(words.split())[:QUOTED_CHARACTERS]


def retry_after(response: httpx2.Response) -> float | None:
    """The seconds of a Retry-After header, which holds seconds or a date."""
    text = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it was raised from, the newest first."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _transport_failure(error: httpx2.TransportError, endpoint: Endpoint) -> ProviderError:
    if isinstance(error, httpx2.ConnectTimeout):
        return ProviderUnreachable(
            f"{endpoint.name} takes no connection within {endpoint.timeouts.connect_seconds:g} s at {endpoint.address}."
        )
    if isinstance(error, httpx2.TimeoutException):
        return AnswerTimedOut(f"{endpoint.name} stopped taking the request.")
    if isinstance(error, httpx2.ConnectError | httpx2.UnsupportedProtocol):
        return ProviderUnreachable(f"Nothing answers at {endpoint.address}; check that {endpoint.name} runs.")
    return BrokenAnswer(f"{endpoint.name} broke off in the middle of its answer.")


def _not_there(endpoint: Endpoint) -> str:
    return f"{endpoint.address} does not answer as {endpoint.provider} does (404); check the address in Settings."
