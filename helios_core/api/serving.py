"""Serving the API alone, for a database that runs already."""

from functools import cache
from threading import Lock

import uvicorn
from starlette.applications import Starlette

from helios_core.api.access import OpenWorkspace
from helios_core.api.app import make_routes
from helios_core.api.problems import answer_with_problems
from helios_core.services.workspace import Workspace, open_workspace
from helios_core.settings import Settings


def api_alone(opened: OpenWorkspace) -> Starlette:
    """The API under the paths that it also has beside the pages."""
    app = Starlette(routes=make_routes(opened))
    answer_with_problems(app)
    return app


def opened_once(settings: Settings) -> OpenWorkspace:
    """Opens the installation's database at the first request that finds it, and keeps it."""
    opening = Lock()

    @cache
    def opened() -> Workspace:
        return open_workspace(settings)

    def open_once() -> Workspace:
        with opening:
            return opened()

    return open_once


def serve_api(settings: Settings, address: str) -> None:
    """Serve the API at the settings' port until the process is told to stop."""
    uvicorn.run(
        api_alone(opened_once(settings)),
        host=address,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
