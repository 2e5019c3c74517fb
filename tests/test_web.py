"""Where Helios listens: on this machine only, for as long as there is no sign-in."""

import os
import subprocess
from pathlib import Path

import pytest

from helios_core.errors import ConfigurationError
from helios_core.web import require_loopback, web_command, web_folder


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_is_fine(address: str) -> None:
    require_loopback(address)


@pytest.mark.parametrize(
    "address", [None, "", "0.0.0.0", "::", "192.0.2.7", "10.0.0.1", "example.org", "localhost.example"]
)
def test_any_other_address_is_refused_with_what_to_do(address: str | None) -> None:
    with pytest.raises(ConfigurationError, match=r"ssh -L"):
        require_loopback(address)


@pytest.mark.parametrize("address", ["0.0.0.0", ""])
def test_the_dashboard_refuses_to_start_for_other_machines(tmp_path: Path, address: str) -> None:
    done = subprocess.run(
        [*web_command(1), "--server.address", address],
        cwd=web_folder(),
        env=os.environ | {"HELIOS_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 6
    assert "Helios does not listen at" in done.stderr
    assert "Traceback" not in done.stderr
