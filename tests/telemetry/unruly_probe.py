"""The real probe over a double of NVML that misbehaves as a file says: `python -m tests.telemetry.unruly_probe FILE`.

FILE holds JSON: {"cards": 3, "calls": {"nvmlDeviceGetPowerUsage": {"1": "hang"}}}. A card's index maps to an NVML
code, or to "hang", "crash" or "babble"; "*" stands for calls without a card. The file is read anew at each call.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from helios_core.telemetry import probe
from tests.telemetry.fake_nvml import SUCCESS, FakeCard, FakeNvml, install


def interfere(script: Path, call: str, index: int | None) -> int:
    """Do to this call what the script says."""
    calls = json.loads(script.read_text())["calls"]
    behaviour = calls.get(call, {}).get("*" if index is None else str(index), SUCCESS)
    if behaviour == "hang":
        time.sleep(3600)
    if behaviour == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if behaviour == "babble":
        os.write(1, b"libnvidia-ml: what a driver prints\n")
        return SUCCESS
    return int(behaviour)


def main() -> None:
    """Serve as the probe does."""
    script = Path(sys.argv[1])
    cards = [FakeCard(uuid=f"GPU-{index}".encode()) for index in range(json.loads(script.read_text())["cards"])]
    install(FakeNvml(cards, lambda call, index: interfere(script, call, index)))
    probe.main()


if __name__ == "__main__":
    main()
