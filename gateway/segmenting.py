"""How a text is counted: the same rule everywhere, ``smstext``; its failures as ours."""

from __future__ import annotations

from contracts.errors import Invalid
from smstext import Segmentation, TextError, fold_to_gsm, segment


def segmented(text: str, encoding: str, pointer: str = "/text") -> Segmentation:
    """The parts of ``text`` as billed; "gsm" folds Greek to capitals first.

    Raises Invalid with the code of smstext (``not_gsm``, ``control_characters``) at ``pointer``.
    """
    try:
        return segment(fold_to_gsm(text), "gsm") if encoding == "gsm" else segment(text, encoding)  # type: ignore[arg-type]
    except TextError as error:
        detail = {"pointer": pointer, "code": error.code, "detail": str(error)}
        raise Invalid("invalid_fields", "The text cannot be sent like this.", [detail]) from None
