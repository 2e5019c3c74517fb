"""Problems: every refusal as RFC 9457 has it, `application/problem+json`, made of the errors in one place."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response

from helios_core import errors
from helios_core.api.operations import allowed_methods

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5
NO_TYPE = "about:blank"


class FieldProblem(BaseModel):
    """What is wrong with one field of the request."""

    field: str = Field(description="The field of the body, or the parameter.", examples=["priority"])
    detail: str = Field(examples=["Priority is 1 (last) to 10 (first), a whole number."])


class Problem(BaseModel):
    """Why a request was refused, and what to do."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(
        description="What kind of problem it is, for programs; `about:blank` where the status says it all.",
        examples=["urn:helios:problem:invalid-input"],
    )
    title: str = Field(description="The kind in words; it never changes.", examples=["A field cannot have this value"])
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(
        description="This problem, as a sentence for a person.",
        examples=["Priority is 1 (last) to 10 (first), a whole number."],
    )
    errors: list[FieldProblem] = Field(default=[], description="The fields that were refused, if fields were.")


class Kind(NamedTuple):
    """What every problem of one kind has in common."""

    status: HTTPStatus
    name: str
    title: str


KINDS: dict[type[errors.HeliosError], Kind] = {
    errors.KeyRefused: Kind(HTTPStatus.UNAUTHORIZED, "key-refused", "No key that opens this"),
    errors.NotFound: Kind(HTTPStatus.NOT_FOUND, "not-found", "There is no such thing"),
    errors.NotEnabled: Kind(HTTPStatus.FORBIDDEN, "not-enabled", "Helios is switched off for you"),
    errors.NotAllowed: Kind(HTTPStatus.FORBIDDEN, "not-allowed", "You may not do this"),
    errors.InvalidInput: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", "A field cannot have this value"),
    errors.EditConflict: Kind(HTTPStatus.PRECONDITION_FAILED, "edit-conflict", "Somebody else saved first"),
    errors.Refused: Kind(HTTPStatus.CONFLICT, "refused", "This contradicts what is stored"),
    errors.ImportRefused: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "import-refused", "This is no conversation"),
    errors.DatabaseUnavailable: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable", "No database answers"),
    errors.HeliosError: Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", "Helios could not do this"),
}
"""By error; of an error's classes the nearest counts."""


def answer_with_problems(app: Starlette) -> None:
    """Answer whatever goes wrong in `app` with a problem."""
    app.add_exception_handler(errors.HeliosError, _of_helios)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_a_bug)


def kind_of(error: errors.HeliosError) -> Kind:
    """The kind of problem that an error is."""
    return next(KINDS[cls] for cls in type(error).__mro__ if cls in KINDS)


def _of_helios(_request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.HeliosError)  # noqa: S101 (whom the handler is registered for)
    return problem_of(error)


def problem_of(error: errors.HeliosError) -> Response:
    """The answer to a request that came to this error."""
    kind = kind_of(error)
    fields = error.fields if isinstance(error, errors.InvalidInput) else {}
    problem = Problem(
        type=f"urn:helios:problem:{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=str(error),
        errors=[FieldProblem(field=field, detail=detail) for field, detail in fields.items()],
    )
    return _response(problem, _headers(kind.status))


def _of_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (whom the handler is registered for)
    fields = [FieldProblem(field=_place(found["loc"]), detail=f"{found['msg']}.") for found in error.errors()]
    kind = KINDS[errors.InvalidInput]
    problem = Problem(
        type=f"urn:helios:problem:{kind.name}",
        title=kind.title,
        status=kind.status,
        detail=" ".join(f"{field.field}: {field.detail}" for field in fields),
        errors=fields,
    )
    return _response(problem)


def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (whom the handler is registered for)
    status = HTTPStatus(error.status_code)
    detail = status.description if error.detail == status.phrase else error.detail
    sentence = f"{(detail or status.phrase).rstrip('.')}."
    headers = dict(error.headers or {})
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = allowed_methods(request)
    return _response(Problem(type=NO_TYPE, title=status.phrase, status=status, detail=sentence), headers)


def _of_a_bug(_request: Request, _error: Exception) -> Response:
    """The server's log has the traceback; the reader gets none of it."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    detail = "Helios failed in a way it did not expect; its log says more."
    return _response(Problem(type=NO_TYPE, title=status.phrase, status=status, detail=detail))


def _response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    return Response(problem.model_dump_json(), problem.status, headers, MEDIA_TYPE)


def _headers(status: HTTPStatus) -> dict[str, str]:
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": 'Bearer realm="Helios"'}
    return {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def _place(location: Sequence[int | str]) -> str:
    """`("query", "limit")` as `limit`, and the body as `body`."""
    return ".".join(map(str, location[1:])) or str(location[0])
