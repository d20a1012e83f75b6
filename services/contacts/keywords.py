"""What a person says by SMS: stop, start, or something else. Pure.

The rule, which docs/api.md repeats:

- A **stop** word counts when it is the whole message or its first word: "STOP", "στοπ παρακαλώ", "Διαγραφή!".
- A **start** word counts only as the whole message: "ΝΑΙ, θα έρθω στις 5" is an answer to something else, and consent must be
  unambiguous.
- Case and accents do not matter, nor do signs, quotes and blanks around a word. Letters that look alike in Greek and Latin are
  one letter: handsets and operators that have only GSM 03.38 turn ΣΤΟΠ into Σ, Latin T, Latin O, Π.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

Said = Literal["stop", "start"]

STOP_WORDS = (
    "STOP", "STOPALL", "UNSUBSCRIBE", "UNSUB", "REMOVE", "OPTOUT", "DELETE", "ΣΤΟΠ", "ΔΙΑΓΡΑΦΗ", "ΑΠΕΓΓΡΑΦΗ", "ΣΤΑΜΑΤΑ",
    "ΣΤΑΜΑΤΗΣΤΕ", "DIAGRAFI", "DIAGRAFH", "APEGGRAFI", "APEGGRAFH", "STAMATA",
)  # fmt: skip
START_WORDS = ("START", "UNSTOP", "SUBSCRIBE", "YES", "ΝΑΙ", "ΣΤΑΡΤ", "ΕΓΓΡΑΦΗ", "EGGRAFI", "EGGRAFH")

_TWINS = str.maketrans("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹ", "ABEZHIKMNOPTYXΣ")
_WORD = re.compile(r"[^\W_]+")
_LONGEST = 200


def skeleton(word: str) -> str:
    """``word`` in capitals without accents, each letter that Greek and Latin share written in Latin."""
    return _plain(word).upper().translate(_TWINS)


def _plain(text: str) -> str:
    """Without accents, also those that are signs of their own: they would part a word in two."""
    letters = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


_STOP = frozenset(map(skeleton, STOP_WORDS))
_START = frozenset(map(skeleton, START_WORDS))


def said(text: str) -> Said | None:
    """Which of the two ``text`` says, or None."""
    words = _WORD.findall(_plain(text[:_LONGEST]))
    if not words:
        return None
    if skeleton(words[0]) in _STOP:
        return "stop"
    return "start" if len(words) == 1 and len(text) <= _LONGEST and skeleton(words[0]) in _START else None
