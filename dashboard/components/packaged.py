"""Our own components: a JavaScript file, and a style sheet of the same name, in assets/.

Streamlit finds manifests by the name of an installed distribution, which a checkout and our packages do not share, so
the manifest is handed to it here: the same in a checkout and in a wheel. Files are served, not sent with each refresh.
"""

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.components.v2.types import ComponentRenderer

ASSETS = Path(__file__).parent / "assets"


def component(name: str, *, isolate_styles: bool = True) -> ComponentRenderer:
    """The component of assets/<name>.js and, where it is there, assets/<name>.css.

    Call the result with `key`, `data` (plain JSON) and `on_<event>_change`. Its script may set text content only.
    """
    _declare(f"helios.{name}")
    return _renderer(name, isolate_styles)


def _declare(full_name: str) -> None:
    """Tell the running server where the component's files are; a server knows it for as long as it lives."""
    manager = get_bidi_component_manager()
    if manager.get_component_asset_root(full_name) is None:
        config = ComponentConfig(name=full_name.removeprefix("helios."), asset_dir=ASSETS.name)
        manager.register_from_manifest(ComponentManifest("helios", "1", [config]), ASSETS.parent)


@cache
def _renderer(name: str, isolate_styles: bool) -> ComponentRenderer:
    files = {kind: f"{name}.{kind}" for kind in ("js", "css") if (ASSETS / f"{name}.{kind}").exists()}
    return st.components.v2.component(f"helios.{name}", isolate_styles=isolate_styles, **files)
