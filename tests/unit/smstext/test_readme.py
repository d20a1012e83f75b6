"""What the README shows is what happens."""

import doctest
from pathlib import Path

import smstext

README = Path(smstext.__file__).parent / "README.md"


def test_the_examples_run():
    outcome = doctest.testfile(str(README), module_relative=False, encoding="utf-8")
    assert outcome.attempted > 20
    assert outcome.failed == 0


def test_every_public_name_exists():
    assert [name for name in smstext.__all__ if not hasattr(smstext, name)] == []
