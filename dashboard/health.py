"""/healthz: whether the page's database and the collectors answer, for programs."""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dashboard.workspace import workspace
from helios_core.errors import HeliosError
from helios_core.views.settings import CollectorState, health
from helios_core.web import is_loopback


def healthz(request: Request) -> JSONResponse:
    """200 while the database answers, and says degraded where a collector is late; 503 where it does not answer.

    Only names of loopback are answered, as by the pages: another site's name may lead a browser here.
    """
    if not is_loopback(request.url.hostname or ""):
        return JSONResponse({"status": "refused"}, status_code=403)
    try:
        state = workspace().read(health)
    except HeliosError as error:
        return JSONResponse({"status": "unavailable", "database": str(error)}, status_code=503)
    return JSONResponse(
        {
            "status": state.status,
            "database": "ok",
            "collectors": [_collector(collector) for collector in state.collectors],
            "gpus": state.gpu_count,
            "simulated_gpus": state.simulated_gpu_count,
        }
    )


def _collector(state: CollectorState) -> dict[str, Any]:
    return {
        "host": state.host,
        "status": state.status,
        "last_success_at": _iso(state.last_success_at),
        "message": state.message,
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


routes = [Route("/healthz", healthz)]
