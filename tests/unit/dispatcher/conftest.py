"""What the tests of the dispatcher's rules share."""

from __future__ import annotations

import pytest

from tests.unit.dispatcher.lanes import Desk


@pytest.fixture
def desk() -> Desk:
    """A connector's side of a lane, with a window of 10."""
    return Desk(window=10)
