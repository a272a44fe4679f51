"""Fixtures of the consumers' tests."""

import pytest

from tests.consumers.inbox import Inbox


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()
