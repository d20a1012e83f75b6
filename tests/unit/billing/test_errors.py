"""Every failure has a code of its own kind."""

from contracts.errors import KeryxError
from services.billing import errors


def test_every_error_has_a_code_and_no_two_share_one() -> None:
    leaves = [
        leaf
        for leaf in vars(errors).values()
        if isinstance(leaf, type) and issubclass(leaf, KeryxError) and leaf.__module__ == errors.__name__
    ]

    assert leaves
    assert all(leaf.code for leaf in leaves)
    assert len({leaf.code for leaf in leaves}) == len(leaves)
