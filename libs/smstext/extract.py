"""Mobile numbers out of pasted text of any shape: one a line, separated by anything, dressed in anything.

Everything that is not blank ends up exactly once in one of three places: accepted, duplicates, rejected
with its position and reason. Numbers never continue on the next line nor across , ; / | or a tab; within
those, digits are put together over spaces, dots, dashes and brackets until they are a number. Reading is
linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from .errors import InvalidNumber
from .msisdn import parse_msisdn, plain_digits

_RAW_SHOWN = 120  # characters of a token kept in a report
_MOST_DIGITS = 17  # 00 and 15 digits


class Found(NamedTuple):
    """A number in the text: index of its first character (from 0), line (from 1), as written, its digits."""

    position: int
    line: int
    raw: str
    msisdn: str


class Rejected(NamedTuple):
    """A token that is no mobile number; `reason` as in `smstext.msisdn.REASONS`; `raw` holds at most 120
    characters.
    """

    position: int
    line: int
    raw: str
    reason: str


class Extraction(NamedTuple):
    """`accepted`: E.164 digits in order of appearance, each once. `duplicates` and `rejected` list at most
    `keep` of each; `duplicate_count` and `rejected_count` say how many there were.
    """

    accepted: list[str]
    duplicates: list[Found]
    rejected: list[Rejected]
    duplicate_count: int
    rejected_count: int


_BREAKS = ",;/|\\t\\n\\r\\v\\f\x1c\x1d\x1e\x85\u2028\u2029\u037e،；，、"
# A Greek mobile in any usual dress, alone between hard separators: nearly all there is in nearly every paste.
_DRESSED = r"[ \xa0]*(?:(?:\+|00)?30[ .-]?)?\(?(69(?:[ .()-]?[0-9]){8})[ \xa0]*"
_CHUNK = re.compile(rf"{_DRESSED}(?![^{_BREAKS}])|[^{_BREAKS}]+")
_UNDRESS = str.maketrans("", "", " .()-")
_NOTHING = re.compile(r"[\W_]+").fullmatch
_WORD = re.compile(r"[^\s]+")
_DIGITS = re.compile(r"\+?[0-9]+")
_PHONE_SIGNS = re.compile(
    "[0-9+()\\[\\]{}.\\-_'\"‐-―−·•*#:\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"
).fullmatch
_LABEL = "(?:tel|mob|mobile|phone|cell|τηλ|τηλέφωνο|τηλεφωνο|κιν|κινητό|κινητο)"
_LABELLED = re.compile(rf"{_LABEL}[.:]+(?=[+(0-9])", re.IGNORECASE)
_LABEL_ALONE = re.compile(rf"{_LABEL}[.:]*", re.IGNORECASE).fullmatch
_LINE_BREAK = re.compile("\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")
_ODD_LINE_BREAK = re.compile("\r(?!\n)|[\v\f\x1c\x1d\x1e\x85\u2028\u2029]")


def iter_msisdns(text: str, region: str = "GR") -> Iterator[Found | Rejected]:
    """Every token of the text in order, as Found (repetitions too) or Rejected; memory stays flat."""
    greek, plain = region == "GR", text.isascii()
    lines_between = _line_counter(text)
    line, counted = 1, 0
    for chunk in _CHUNK.finditer(text):
        start = chunk.start()
        line += lines_between(counted, start)
        counted = start
        written = chunk[0]
        if greek and chunk[1] is not None:
            raw = written.lstrip()
            position = start + len(written) - len(raw)
            yield Found(position, line, raw.rstrip(), "30" + chunk[1].translate(_UNDRESS))
        else:
            yield from _read_chunk(written if plain else plain_digits(written), written, start, line, region)


def _line_counter(text: str) -> Callable[[int, int], int]:
    """A function that counts the line breaks between two places: the fast way if all of them are LF or CR LF."""
    if _ODD_LINE_BREAK.search(text):
        return lambda start, end: sum(1 for _ in _LINE_BREAK.finditer(text, start, end))
    return lambda start, end: text.count("\n", start, end)


def extract_msisdns(text: str, region: str = "GR", *, keep: int = 100_000) -> Extraction:
    """All mobile numbers of a pasted text, once each, and an account of everything else (see Extraction).

    A bare number is one of `region`. Memory grows with the accepted numbers and `keep` only.
    """
    accepted: dict[str, None] = {}
    duplicates: list[Found] = []
    rejected: list[Rejected] = []
    duplicate_count = rejected_count = 0
    for token in iter_msisdns(text, region):
        if isinstance(token, Rejected):
            rejected_count += 1
            if len(rejected) < keep:
                rejected.append(token)
        elif token.msisdn in accepted:
            duplicate_count += 1
            if len(duplicates) < keep:
                duplicates.append(token)
        else:
            accepted[token.msisdn] = None
    return Extraction(list(accepted), duplicates, rejected, duplicate_count, rejected_count)


class _Run(NamedTuple):
    """Neighbouring words of a chunk that are all phone-like, or all not; offsets within the chunk."""

    start: int
    end: int
    phone: bool


def _runs(chunk: str) -> Iterator[_Run]:
    start = end = -1
    phone = False
    for word in _WORD.finditer(chunk):
        first, last = word.span()
        if _NOTHING(word[0]) or _LABEL_ALONE(word[0]):
            continue  # a lonely dash or bracket says nothing, "Τηλ.:" says what follows
        label = _LABELLED.match(word[0])
        kind = _PHONE_SIGNS(word[0], label.end() if label else 0) is not None
        if start >= 0 and (kind != phone or label):
            yield _Run(start, end, phone)
            start = -1
        if start < 0:
            start, phone = first, kind
        end = last
    if start >= 0:
        yield _Run(start, end, phone)


def _read_chunk(chunk: str, raw: str, offset: int, line: int, region: str) -> Iterator[Found | Rejected]:
    """Tokens of a stretch of text without hard separators. `chunk` is `raw` with its digits in ASCII, same
    length.
    """
    for run in _runs(chunk):
        if run.phone:
            yield from _read_digits(chunk, raw, run, offset, line, region)
        else:
            yield Rejected(offset + run.start, line, raw[run.start : run.end][:_RAW_SHOWN], "not_a_number")


def _read_digits(
    chunk: str, raw: str, run: _Run, offset: int, line: int, region: str
) -> Iterator[Found | Rejected]:
    """Greedily puts groups of digits together from the left until they are a number, or definitely no mobile.

    Looks at a window of groups only: a line may be as long as the whole paste.
    """
    groups = (found.span() for found in _DIGITS.finditer(chunk, run.start, run.end))
    window = list(islice(groups, _MOST_DIGITS))
    leftover: list[tuple[int, int]] = []
    while window:
        taken, outcome = _take(chunk, window, region)
        if leftover and (taken or len(leftover) == _MOST_DIGITS):
            yield _reject_leftover(chunk, raw, leftover, offset, line, region)
            leftover = []
        if taken:
            first, last = window[0][0], window[taken - 1][1]
            kind = Found if outcome.isdigit() else Rejected
            yield kind(offset + first, line, raw[first:last][:_RAW_SHOWN], outcome)
        else:
            taken = 1
            leftover.append(window[0])
        del window[:taken]
        window += islice(groups, taken)
    if leftover:
        yield _reject_leftover(chunk, raw, leftover, offset, line, region)


def _take(chunk: str, window: list[tuple[int, int]], region: str) -> tuple[int, str]:
    """How many groups from the first are one number, and the digits or a reason against it; 0 if none."""
    joined = ""
    for taken, (first, last) in enumerate(window, start=1):
        if len(joined) + last - first > _MOST_DIGITS + 1 or (joined and chunk[first] == "+"):
            break
        joined += chunk[first:last]
        if taken > 1 and not _may_be_joined(joined, region):
            continue
        try:
            return taken, parse_msisdn(joined, region)
        except InvalidNumber as error:
            if error.reason in ("landline", "not_mobile"):
                return taken, error.reason
    return 0, ""


def _may_be_joined(digits: str, region: str) -> bool:
    """Whether loose groups may be one number: of the region by their length, or of any country by + or 00.

    Digits that only might be foreign are not put together: any two leftovers could be.
    """
    if digits.startswith(("+", "00", "30")):
        return len(digits) >= 8
    return len(digits) == 10 if region == "GR" else 8 <= len(digits) <= 11


def _reject_leftover(
    chunk: str, raw: str, groups: list[tuple[int, int]], offset: int, line: int, region: str
) -> Rejected:
    first, last = groups[0][0], groups[-1][1]
    try:
        parse_msisdn(chunk[first:last], region)
        reason = "not_a_number"
    except InvalidNumber as error:
        reason = error.reason
    return Rejected(offset + first, line, raw[first:last][:_RAW_SHOWN], reason)
