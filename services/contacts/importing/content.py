"""What a file really is, told from its first bytes and never from its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from . import archive
from .errors import BadFile

Kind = Literal["xlsx", "csv"]

_HEAD = 4_096
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE2_DIRECTORY_SCAN = 64 << 20
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
_MARKUP = re.compile(
    rb"^(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype|html|head|body|table|workbook|meta|style|script)", re.I
)
_KNOWN_BINARY = (
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
    b"{\\rtf",
    b"\x7fELF",
)


def recognise(path: Path, limits: archive.Limits = archive.DEFAULT_LIMITS) -> Kind:
    """`xlsx` for a proven-harmless workbook, `csv` for what may be text.

    Raises BadFile: file_empty, workbook_encrypted, old_xls_format, unsupported_format (xlsb, ods),
    not_a_workbook, csv_binary, and everything `archive.inspect` raises.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise BadFile("file_empty", "the file has no bytes")
    if head.startswith((_ZIP, _EMPTY_ZIP)):
        return _workbook(archive.inspect(path, limits))
    if head.startswith(_OLE2):
        raise _ole2_refusal(path)
    if _MARKUP.match(head):
        raise BadFile("not_a_workbook", "a web page or XML document under the name of a workbook")
    if head.startswith(_KNOWN_BINARY):
        raise BadFile("csv_binary", "neither a workbook nor text")
    return "csv"


def _workbook(names: frozenset[str]) -> Kind:
    lowered = {name.lower() for name in names}
    if "xl/workbook.bin" in lowered or "content.xml" in lowered:
        raise BadFile("unsupported_format", "save the workbook as .xlsx")
    if "[content_types].xml" not in lowered:
        nested = any(name.endswith((".xlsx", ".xls", ".csv", ".zip")) for name in lowered)
        raise BadFile(
            "not_a_workbook", "unpack the archive first" if nested else "an archive that is not a workbook"
        )
    if not any(name.startswith("xl/") for name in lowered):
        raise BadFile("not_a_workbook", "an Office document, but not a workbook")
    return "xlsx"


def _ole2_refusal(path: Path) -> BadFile:
    """An OLE2 container is an .xls of before 2007, or the envelope of a password ([MS-OFFCRYPTO] 2.3.4.4)."""
    with path.open("rb") as file:
        body = file.read(_OLE2_DIRECTORY_SCAN)
    if _ENCRYPTED_STREAM in body:
        return BadFile("workbook_encrypted", "remove the password and save again")
    return BadFile("old_xls_format", "save the workbook as .xlsx")
