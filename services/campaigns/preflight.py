"""What a campaign would be and cost if it started now: the expander's rendering, over a sample of its audience.

Pure but for ``of_campaign``, which asks contacts and billing first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, sqrt
from typing import Any

from contracts.tariff import Tariff
from smstext import TextError, country_of

from . import domain
from .models import Campaign
from .rendering import MEMBER_FIELDS, Rendered, Renderer, Wording, check_wording

SAMPLE = 20_000  # up to so many recipients nothing is estimated; contacts gives fewer of a larger audience
TICK_EVERY = 250
SHOWN = 3
_CANDIDATES = 2_000  # messages kept to choose the shown ones from

Member = Sequence[Any]


@dataclass
class _Country:
    recipients: int = 0
    parts: int = 0
    price: int = 0


@dataclass
class _Totals:
    """Sums over the sample; prices in micro-euro by price class, ``priced`` counts recipients that have one.

    ``squares`` sums the squared price of each recipient in the campaign's class.
    """

    parts: int = 0
    squares: int = 0
    prices: Counter[str] = field(default_factory=Counter)
    priced: Counter[str] = field(default_factory=Counter)
    countries: dict[str, _Country] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    blanks: Counter[str] = field(default_factory=Counter)
    gsm_parts: int = 0
    gsm_price: int = 0
    candidates: list[tuple[Rendered, Member]] = field(default_factory=list)


def of_campaign(
    campaign: Campaign, billing: Any, contacts: Any, public_host: str, tick: Callable[[], None]
) -> dict[str, Any]:
    """Ask for the audience and both tariffs, then ``summarise``. Raises EmptyAudience, and what contacts and billing raise."""
    domain.require_somebody(campaign.audience)
    estimate = contacts.audience_estimate(
        account_id=campaign.account_id, audience=campaign.audience, sample=SAMPLE
    )
    tariffs = {
        name: Tariff.from_data(billing.tariff(account_id=campaign.account_id, price_class=name))
        for name in domain.PRICE_CLASSES
    }
    wording = Wording(campaign.text, campaign.encoding, campaign.unsubscribe, campaign.labels)  # type: ignore[arg-type]
    return summarise(
        wording, campaign.price_class, campaign.sender, estimate, tariffs, public_host=public_host, tick=tick
    )


def summarise(
    wording: Wording,
    price_class: str,
    sender: str,
    estimate: dict[str, Any],
    tariffs: dict[str, Tariff],
    *,
    public_host: str,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """The pre-flight of a campaign; ``estimate`` is the answer of contacts.audience_estimate.

    Sums are those of the sample scaled to all recipients (``estimated`` then, and ``margin_percent`` says how far the
    price may be off, 95 times of 100). Money is micro-euro. ``tick`` is called every TICK_EVERY recipients, so that a
    cooperative process can do something else meanwhile.
    """
    members = estimate["members"]
    survey = _Survey(wording, price_class, tariffs, public_host)
    for number, member in enumerate(members, start=1):
        survey.add(member)
        if number % TICK_EVERY == 0:
            tick()
    totals = survey.totals
    recipients = estimate["recipients"]

    def scale(value: int) -> int:
        return (value * recipients + len(members) // 2) // len(members) if members else 0

    return {
        "recipients": recipients,
        "duplicates": estimate.get("duplicates", 0),
        "suppressed": estimate.get("suppressed", 0),
        "parts": scale(totals.parts),
        "price": {
            name: scale(totals.prices[name]) if totals.priced[name] or not members else None
            for name in tariffs
        },
        "by_country": _by_country(totals, scale),
        "samples": [_shown(rendered) for rendered in choose_samples(totals.candidates)],
        "savings": survey.savings(scale),
        "warnings": list(_warnings(totals, price_class, sender, scale)),
        "estimated": len(members) < recipients or estimate.get("estimated", False),
        "margin_percent": _margin(totals, price_class, len(members), estimate),
    }


def _margin(totals: _Totals, price_class: str, sampled: int, estimate: dict[str, Any]) -> float | None:
    """How far the price may be off, in per cent of it; 0 when nothing is estimated, None when the sample costs nothing.

    The spread of prices within the sample, and that of the number of recipients.
    """
    recipients, spent = estimate["recipients"], totals.prices[price_class]
    unseen = max(0.0, 1 - sampled / recipients) if recipients else 0.0
    counted = estimate.get("margin", 0.0)
    if not unseen and not counted:
        return 0.0
    if not spent:
        return None
    spread = max(0.0, sampled * totals.squares / spent**2 - 1) / max(1, sampled - 1)
    return ceil(1_000 * sqrt(1.96**2 * spread * unseen + counted**2)) / 10


class _Survey:
    """Renders members and sums up."""

    def __init__(
        self, wording: Wording, price_class: str, tariffs: dict[str, Tariff], public_host: str
    ) -> None:
        self.totals = _Totals()
        self._price_class = price_class
        self._others = {name: tariff for name, tariff in tariffs.items() if name != price_class}
        self._renderer = Renderer(wording, public_host, tariffs[price_class])
        self._folding = _folding_renderer(wording, public_host, tariffs[price_class])
        self._blankable = _blankable(wording)

    def add(self, member: Member) -> None:
        """Render one member and add it up."""
        rendered, totals = self._renderer.render(member), self.totals
        if rendered.error:
            totals.errors[rendered.error] += 1
        if rendered.error in (None, "no_price"):
            self._price_elsewhere(rendered)
        if rendered.price is None:
            return
        cost = rendered.parts * rendered.price
        totals.parts += rendered.parts
        totals.squares += cost * cost
        totals.prices[self._price_class] += cost
        totals.priced[self._price_class] += 1
        country = totals.countries.setdefault(country_of(rendered.msisdn), _Country())
        country.recipients += 1
        country.parts += rendered.parts
        country.price += cost
        self._fold(member, rendered)
        for name, index in self._blankable:
            totals.blanks[name] += not (member[3][index] or "").strip()
        if len(totals.candidates) < _CANDIDATES:
            totals.candidates.append((rendered, member))

    def savings(self, scale: Callable[[int], int]) -> dict[str, Any] | None:
        """What forced GSM would make of it; None when the text has what GSM lacks even as capitals."""
        totals = self.totals
        if self._folding is None:
            return None
        chosen = totals.prices[self._price_class]
        return {
            "encoding": "gsm",
            "parts": scale(totals.gsm_parts),
            "price": scale(totals.gsm_price),
            "saved_parts": scale(totals.parts - totals.gsm_parts),
            "saved_price": scale(chosen - totals.gsm_price),
        }

    def _price_elsewhere(self, rendered: Rendered) -> None:
        for name, tariff in self._others.items():
            price = tariff.price(rendered.msisdn)
            if price is not None:
                self.totals.prices[name] += rendered.parts * price
                self.totals.priced[name] += 1

    def _fold(self, member: Member, rendered: Rendered) -> None:
        if self._folding is None:
            return
        folded = rendered if rendered.encoding == "gsm" else self._folding.render(member)
        self.totals.gsm_parts += folded.parts
        self.totals.gsm_price += folded.parts * (rendered.price or 0)


def _folding_renderer(wording: Wording, public_host: str, tariff: Tariff) -> Renderer | None:
    folded = replace(wording, encoding="gsm")
    try:
        check_wording(folded)
    except (TextError, ValueError):
        return None
    return Renderer(folded, public_host, tariff)


def _blankable(wording: Wording) -> list[tuple[str, int]]:
    """The placeholders that leave a hole where a recipient has no value: (field, its index in a member)."""
    holes: dict[str, int] = {}
    for _, placeholder in wording.placeholders():
        for name in placeholder.placeholders:
            if name in MEMBER_FIELDS and not placeholder.render({}):
                holes[name] = MEMBER_FIELDS.index(name)
    return list(holes.items())


def _by_country(totals: _Totals, scale: Callable[[int], int]) -> list[dict[str, Any]]:
    ordered = sorted(totals.countries.items(), key=lambda item: (-item[1].recipients, item[0]))
    return [
        {
            "country": code,
            "recipients": scale(country.recipients),
            "parts": scale(country.parts),
            "price": scale(country.price),
        }
        for code, country in ordered
    ]


def choose_samples(candidates: list[tuple[Rendered, Member]]) -> list[Rendered]:
    """Up to three messages: one of middle length, the longest, the shortest; other first names where there are."""
    if not candidates:
        return []
    ordered = sorted(candidates, key=lambda candidate: len(candidate[0].text))
    chosen: list[Rendered] = []
    names: set[str] = set()
    for wanted in (len(ordered) // 2, len(ordered) - 1, 0):
        near = sorted(range(len(ordered)), key=lambda index: abs(index - wanted))[: 4 * SHOWN]
        free = [ordered[index] for index in near if ordered[index][0] not in chosen]
        if not free:
            continue
        rendered, member = next((one for one in free if _first_name(one[1]) not in names), free[0])
        chosen.append(rendered)
        names.add(_first_name(member))
    return chosen


def _first_name(member: Member) -> str:
    return member[3][MEMBER_FIELDS.index("firstname")] or ""


def _shown(rendered: Rendered) -> dict[str, Any]:
    return {
        "to": rendered.msisdn,
        "text": rendered.text,
        "encoding": rendered.encoding,
        "parts": rendered.parts,
    }


_REFUSED = {
    "no_price": "have a destination without a price and will be refused.",
    "text_empty": "would get an empty text and will be refused.",
    "too_many_parts": "would get a text of more than 10 parts and will be refused.",
}


def _warnings(
    totals: _Totals, price_class: str, sender: str, scale: Callable[[int], int]
) -> Iterable[dict[str, Any]]:
    if price_class == "low" and not sender.isdigit():
        detail = "Low cost routes mostly replace the sender by a number."
        yield {"code": "sender_replaced", "count": None, "detail": detail}
    for name, blanks in totals.blanks.items():
        if blanks:
            detail = f"{{%{name}}} is empty for these recipients and has no fallback."
            yield {"code": "placeholder_empty", "field": name, "count": scale(blanks), "detail": detail}
    for code, refused in sorted(totals.errors.items()):
        detail = (
            f"These recipients {_REFUSED.get(code, 'have values that cannot be sent and will be refused.')}"
        )
        yield {"code": code, "count": scale(refused), "detail": detail}
