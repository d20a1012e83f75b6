"""Countries as a billing profile names them: the two letters of ISO 3166-1.

A code that is no country's must not pass for a country outside the EU: its orders would bear no VAT.
"""

from __future__ import annotations

# The 249 officially assigned codes, as tzdata 2026 lists them (iso3166.tab; a test compares the two), and XK, which ISO
# leaves to its users and the European Commission uses for Kosovo.
_CODES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
XK
"""
CODES = frozenset(_CODES.split())

# The European Commission's own codes of two countries, which people type as well.
_ALSO = {"EL": "GR", "UK": "GB"}


class UnknownCountry(ValueError):
    """There is no country of this code."""


def iso(code: str) -> str:
    """The country's code in ISO 3166, also of EL and UK. Raises UnknownCountry."""
    found = _ALSO.get(code, code)
    if found not in CODES:
        raise UnknownCountry(code)
    return found


def usual(code: str) -> str:
    """The same of what was kept before codes were checked; what is unknown stays as it is."""
    return _ALSO.get(code, code)
