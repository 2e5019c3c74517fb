"""The API's description, and the page that shows it: of our own files, so that nothing is fetched from elsewhere."""

from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.responses import FileResponse

from helios_core.api.problems import MEDIA_TYPE, Problem
from helios_core.ingest.native import NativeFile

ASSETS = Path(__file__).parent / "assets"
INTRODUCTION = """
Send a key of `helios keys create` with each request, as `Authorization: Bearer hel_...`; required on this machine, too.
A key acts as its user: it sees what the user sees, and may do what the user may do, as far as its scope goes.

Lists come in pages: send `next` of one as `cursor` of the next. An edit names what its editor saw: send the `ETag` as
`If-Match`. What is refused is answered with a problem (RFC 9457). Memory is in MiB, time in seconds and ISO 8601 in
UTC; what nobody knows is null, and never 0.
""".strip()
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"
REFUSALS = {
    "400": "The body cannot be read.",
    "401": "No key, or one that opens nothing any more.",
    "403": "The key's scope or its user's role does not allow it, or Helios is off for the user.",
    "404": "There is no such thing, or the user may not see it.",
    "409": "It contradicts what is stored.",
    "413": "The body is too large.",
    "422": "A field or parameter has a value that cannot be.",
    "503": "No database answers; try again when `Retry-After` says.",
}
DONE = {"201": "It is there now.", "204": "It is done; there is nothing to say."}
OF_BODIES = {"400", "413"}

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs() -> FileResponse:
    """The page."""
    return _asset("docs.html", "text/html")


@router.get("/docs.js")
def script() -> FileResponse:
    """What draws it."""
    return _asset("docs.js", "text/javascript")


@router.get("/docs.css")
def style() -> FileResponse:
    """How it looks."""
    return _asset("docs.css", "text/css")


def describe(app: FastAPI) -> None:
    """Let `app` describe itself with the problems that every operation may answer."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # this is FastAPI's own way


def _described(app: FastAPI) -> dict[str, Any]:
    found = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=app.description,
        routes=app.routes,
    )
    schemas = found["components"]["schemas"]
    for model in (Problem, NativeFile):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs"), **{model.__name__: schema})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for methods in found["paths"].values():
        for operation in methods.values():
            _describe_parameters(operation)
            _describe_answers(operation)
    return found


def _describe_parameters(operation: dict[str, Any]) -> None:
    """Say of a parameter what it is where it is there: no text is null."""
    for parameter in operation.get("parameters", []):
        schema = parameter["schema"]
        [kind] = [kind for kind in schema.pop("anyOf", [{}]) if kind.get("type") != "null"]
        schema.update(kind)


def _describe_answers(operation: dict[str, Any]) -> None:
    """Say of each answer what it means, and add every refusal, as a problem."""
    answers = operation["responses"]
    for status, text in REFUSALS.items():
        if status not in OF_BODIES or "requestBody" in operation:
            answers[status] = {"description": text}
    for status, answer in answers.items():
        if answer["description"] == "Successful Response":
            answer["description"] = DONE.get(status, "What was asked for.")
        if status >= "400":
            answer["content"] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _asset(name: str, media_type: str) -> FileResponse:
    headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"}
    return FileResponse(ASSETS / name, media_type=media_type, headers=headers)
