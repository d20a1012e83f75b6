"""The zone of the operator's days comes from the environment and must exist."""

from __future__ import annotations

import pytest

from servicekit.settings import BadSetting
from services.billing.margin.settings import operator_zone


def test_the_operator_is_at_home_in_athens_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERYX_OPERATOR_TIMEZONE", raising=False)
    assert operator_zone() == "Europe/Athens"
    monkeypatch.setenv("KERYX_OPERATOR_TIMEZONE", "America/New_York")
    assert operator_zone() == "America/New_York"


@pytest.mark.parametrize("name", ["Europe/Atlantis", "../etc/passwd", "x" * 300])
def test_a_zone_that_is_not_there_ends_the_process_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("KERYX_OPERATOR_TIMEZONE", name)
    with pytest.raises(BadSetting, match="KERYX_OPERATOR_TIMEZONE"):
        operator_zone()
