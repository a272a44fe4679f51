"""Answers with its version."""

import os
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

app = FastAPI()
VERSION = os.environ.get("VERSION") or Path("version.txt").read_text().strip()


@app.get("/", response_class=PlainTextResponse)
def index() -> str:
    return f"fastapi {VERSION}\n"
