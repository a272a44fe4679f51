"""The OpenAPI document of every endpoint, as `docs/openapi.json`."""

import json
from pathlib import Path
from typing import Final

from infra.generate.functions import ROOT
from shared.http.app import build_app
from shared.http.local import modules

FILE: Final = ROOT / "docs" / "openapi.json"


def render() -> dict[Path, str]:
    """The file and what it should hold."""
    app = build_app(module.router for _, module in modules())
    return {FILE: json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"}
