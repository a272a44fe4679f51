"""What a process does before all else where each new one is paid for: on Lambda."""

import gc
import os

from pydantic import BaseModel

_IN_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME"
_YOUNG, _GENERATIONS = 50_000, 20
"""Imports make some 300 000 objects and hardly any garbage: it is not looked for as they go."""


def begin() -> None:
    """Called by each package of functions, before its functions import anything.

    Validators of models are built when they are first used: FastAPI alone has 30 models that
    describe documents, which no request meets.
    """
    if _IN_LAMBDA in os.environ:
        gc.set_threshold(_YOUNG, _GENERATIONS, _GENERATIONS)
        BaseModel.model_config["defer_build"] = True
