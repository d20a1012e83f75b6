"""Which providers this installation can take money through: those whose credentials are in the environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from contracts.errors import Conflict

from . import paypal, viva
from .port import Provider

FACTORIES: dict[str, Callable[[], Provider | None]] = {
    "viva": viva.from_environment,
    "paypal": paypal.from_environment,
}
"""Name → makes the adapter from ``servicekit.settings``, or None when its credentials are not set.

A factory raises BadSetting when they are set in part: an installation does not start with half a provider.
"""


class MethodNotOffered(Conflict):
    """This installation takes no money that way."""

    code = "payment_method_not_offered"


class Registry:
    """The providers there are, by name."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        """Know ``providers``."""
        self._providers = dict(providers)

    @property
    def names(self) -> list[str]:
        """Names of the providers, sorted."""
        return sorted(self._providers)

    def get(self, name: str) -> Provider:
        """The provider of that name. Raises MethodNotOffered."""
        try:
            return self._providers[name]
        except KeyError:
            raise MethodNotOffered("This installation does not take this method of payment.") from None


def from_environment() -> Registry:
    """The providers whose credentials are set. Raises BadSetting (ends the process) for half a set."""
    made = {name: factory() for name, factory in FACTORIES.items()}
    return Registry({name: provider for name, provider in made.items() if provider is not None})
