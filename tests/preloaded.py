"""What a process has imported that commands of Helios are forked from; pages are scripts, and left out."""

import importlib
import pkgutil

NEEDED_LATE = ("streamlit.web.bootstrap", "streamlit.web.cli", "uvicorn.protocols.http.auto", "helios_core.doctor")
ROOMS = (
    "dashboard.components",
    "helios_core.api",
    "helios_core.commands",
    "helios_core.ingest",
    "helios_core.services",
    "helios_core.views",
)

for name in NEEDED_LATE:
    importlib.import_module(name)
for room in ROOMS:
    for module in pkgutil.walk_packages(importlib.import_module(room).__path__, f"{room}."):
        importlib.import_module(module.name)
