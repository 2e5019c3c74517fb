"""How the dashboard's process is started: as a command, never imported. And where it, and the API, may listen."""

import sys
from ipaddress import ip_address
from pathlib import Path

from helios_core.errors import ConfigurationError
from helios_core.settings import bundled

LOOPBACK = "127.0.0.1"


def web_command(port: int) -> list[str]:
    """The command that serves the dashboard at `port` of loopback; start it in `web_folder()`."""
    dashboard = Path(__file__).parents[1] / "dashboard" / "app.py"
    return [sys.executable, "-m", "streamlit", "run", str(dashboard), "--server.port", str(port)]


def web_folder() -> Path:
    """The folder to start it in: Streamlit reads `.streamlit/config.toml` from there."""
    return bundled(".streamlit").parent


def require_loopback(address: str | None) -> None:
    """Raise ConfigurationError where a server would listen to more than this machine; None is every address."""
    if address is None or not is_loopback(address):
        message = (
            f"Helios does not listen at {address or 'every address'}: whoever connects to the pages is their operator, "
            f"and keys would cross the network in clear. It listens at {LOOPBACK}; from another machine, "
            f"forward the port: ssh -L 8501:{LOOPBACK}:8501 this-host."
        )
        raise ConfigurationError(message)


def is_loopback(address: str) -> bool:
    """Whether a name or address is this machine's own, whoever asks."""
    try:
        return address == "localhost" or ip_address(address).is_loopback
    except ValueError:
        return False
