"""The REST API and /metrics: mounted in the dashboard's process, or served alone."""

from importlib.metadata import version

from fastapi import Depends, FastAPI
from starlette.routing import BaseRoute, Mount

from helios_core.api import (
    agents,
    alerts,
    allocations,
    audit,
    configurations,
    constraints,
    conversations,
    decisions,
    delegations,
    documentation,
    gpus,
    leases,
    me,
    messages,
    model_servers,
    participations,
    placement,
    plans,
    profile,
    quotas,
    responses,
    rules,
    syntheses,
    users,
)
from helios_core.api.access import OpenWorkspace
from helios_core.api.limits import BodyLimit
from helios_core.api.metrics import metrics_route
from helios_core.api.operations import refuse_strange_parameters
from helios_core.api.problems import answer_with_problems

PATH = "/api"
NOUNS = (
    me,
    profile,
    agents,
    configurations,
    gpus,
    allocations,
    placement,
    plans,
    decisions,
    leases,
    quotas,
    rules,
    constraints,
    conversations,
    messages,
    participations,
    delegations,
    responses,
    syntheses,
    alerts,
    model_servers,
    users,
    audit,
)
"""In the order in which the documentation shows them."""


def make_routes(open_workspace: OpenWorkspace) -> list[BaseRoute]:
    """The API at /api, and /metrics."""
    return [metrics_route(open_workspace), Mount(PATH, make_api(open_workspace))]


def make_api(open_workspace: OpenWorkspace) -> FastAPI:
    """The API on the database that `open_workspace` opens, at the first request that needs it."""
    app = FastAPI(
        title="Helios",
        summary="Mission control for a team of LLM agents on your own GPUs.",
        description=documentation.INTRODUCTION,
        version=version("helios"),
        docs_url=None,
        redoc_url=None,
    )
    app.state.open_workspace = open_workspace
    app.add_middleware(BodyLimit)
    for noun in NOUNS:
        app.include_router(noun.router, dependencies=[Depends(refuse_strange_parameters)])
    app.include_router(documentation.router)
    answer_with_problems(app)
    documentation.describe(app)
    return app
