"""The API's description of itself."""

from helios_core.api.app import make_api
from helios_core.errors import DatabaseUnavailable
from helios_core.services.workspace import Workspace


def nowhere() -> Workspace:
    """The description needs no database."""
    raise DatabaseUnavailable


DESCRIPTION = make_api(nowhere).openapi()
