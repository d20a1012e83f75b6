"""What can be wrong with a whole file or a mapping; a wrong row is a verdict, not an error."""

from __future__ import annotations


class ImportingError(Exception):
    """Base of every refusal here. `code` is stable (clients branch on it), `detail` is for people."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class BadFile(ImportingError):
    """The file or paste cannot be imported at all; nothing of it was taken. Words: `reasons.words`."""


class BadMapping(ImportingError):
    """A column mapping that cannot be used. `pointer` is a JSON pointer such as `/mapping/number`."""

    def __init__(self, pointer: str, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.pointer = pointer
