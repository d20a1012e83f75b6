"""What the API takes of a contact is what contacts takes, from a call as from a file: one set of limits."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError, fields, validate

from gateway.api.v1.schemas.contacts import ContactFields
from gateway.api.v1.schemas.groups import GroupChanges
from gateway.api.v1.schemas.imports import Commit
from services.contacts import domain, schemas
from services.contacts.importing import verdicts


def most(field: fields.Field) -> int:
    """How long it may be, by the API."""
    [length] = [one for one in field.validators if isinstance(one, validate.Length)]
    assert length.max is not None
    return length.max


@pytest.mark.parametrize("name", domain.TEXT_FIELDS)
def test_a_text_as_long_as_the_api_takes_is_taken_from_a_file_and_no_longer_one(name: str) -> None:
    limit = most(ContactFields().fields[name])
    text = ("a@" + "x" * limit)[: limit - 3] + ".gr" if name == "email" else "x" * limit
    mapping = {"number": 0, name: 1}
    row = verdicts.judge(1, ("6970000001", text), mapping)
    assert isinstance(row, verdicts.Accepted)
    assert row.fields == {name: text}
    assert isinstance(verdicts.judge(1, ("6970000001", f"x{text}"), mapping), verdicts.Rejected)
    with pytest.raises(ValidationError):
        schemas.ContactChanges().load({name: f"x{text}"})
    if name != "email":  # a name of a domain is shorter than what an address may be
        assert schemas.ContactChanges().load({name: text}) == {name: text}


def test_a_contact_has_as_many_numbers_by_the_api_as_from_a_file() -> None:
    limit = most(ContactFields().fields["numbers"])
    cells = tuple(" ".join(f"69{10 * n + start:08d}" for n in range(limit // 2)) for start in (0, 1))
    mapping = {"number": 0, "number2": 1}
    row = verdicts.judge(1, cells, mapping)
    assert isinstance(row, verdicts.Accepted)
    assert len(row.numbers) == limit
    one_more = (cells[0], f"{cells[1]} 6999999999")
    assert isinstance(verdicts.judge(1, one_more, mapping), verdicts.Rejected)


def test_a_group_has_a_name_as_long_by_the_api_as_from_a_file() -> None:
    limit = most(GroupChanges().fields["name"])
    named = Commit().fields["group_names"]
    assert isinstance(named, fields.List)
    assert most(named.inner) == limit
    mapping = {"number": 0, "group": 1}
    assert isinstance(verdicts.judge(1, ("6970000001", "x" * limit), mapping), verdicts.Accepted)
    assert isinstance(verdicts.judge(1, ("6970000001", "x" * (limit + 1)), mapping), verdicts.Rejected)
