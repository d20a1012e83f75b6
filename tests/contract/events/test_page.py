"""docs/events.md is what the contracts say."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from contracts import describe
from contracts.envelope import Envelope

PAGE = Path(__file__).parents[3] / "docs" / "events.md"


def test_the_page_is_up_to_date() -> None:
    made = describe.page()
    assert PAGE.read_text(encoding="utf-8") == made, (
        "make it anew: python -m contracts.describe > docs/events.md"
    )


def test_every_field_has_a_meaning_and_no_meaning_is_left_over() -> None:
    for shape, meanings in describe.MEANINGS.items():
        assert list(meanings) == [one.name for one in fields(shape)], shape.__name__
    assert list(describe.ENVELOPE) == [one.name for one in fields(Envelope)]


def test_the_page_names_every_shape_with_version_producer_and_way() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for section in describe.sections():
        assert f"| [{section.type}](#{section.type}) | {section.version} | {section.producer} |" in page
        assert f"\n## {section.type}\n" in page
