"""Answers with its version."""

import os
from pathlib import Path

from flask import Flask

app = Flask(__name__)
VERSION = os.environ.get("VERSION") or Path("version.txt").read_text().strip()


@app.get("/")
def index() -> str:
    return f"flask {VERSION}\n"
