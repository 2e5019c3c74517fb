"""Operations: what the API's own description says of the path of a request."""

import re
from collections import Counter
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException, Request
from starlette.routing import compile_path

from helios_core.errors import InvalidInput


def operations_at(request: Request) -> dict[str, Any]:
    """What may be done at the request's path, by method in small letters."""
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    return next((methods for template, methods in paths.items() if _pattern(template).match(path)), {})


def allowed_methods(request: Request) -> str:
    """Every method of the request's path; the framework names only those of the first operation there."""
    return ", ".join(sorted(method.upper() for method in operations_at(request)))


def refuse_strange_parameters(request: Request) -> None:
    """Raise InvalidInput for a parameter that there is none of or that is given twice, and 405 for such a method.

    A filter with a typing error would show everything, and of two values one would be overlooked.
    """
    operation = operations_at(request).get(request.method.lower())
    if operation is None:  # GET /conversations/ask, which the framework takes for the conversation "ask"
        raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
    known = [parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    there = f"there are {', '.join(known)}" if known else "there are none here"
    times = Counter(name for name, _ in request.query_params.multi_items())
    strange = {name: f"There is no parameter {name}; {there}." for name in times if name not in known}
    strange |= {name: f"Give {name} once." for name in known if times[name] > 1}
    if strange:
        raise InvalidInput(strange)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return compile_path(template)[0]
