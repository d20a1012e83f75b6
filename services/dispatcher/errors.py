"""What the dispatcher refuses, each with a stable code."""

from __future__ import annotations

from contracts.errors import Conflict, Invalid, NotFound, PreconditionFailed, Unavailable


class InvalidFields(Invalid):
    """Values that cannot be; ``errors`` names each."""

    code = "validation_failed"


class UnknownMessage(NotFound):
    """No such message, or another account's."""

    code = "unknown_message"


class UnknownConnector(NotFound):
    """No connector of that name."""

    code = "unknown_connector"


class ConnectorExists(Conflict):
    """The name is taken."""

    code = "connector_exists"


class ConnectorChanged(PreconditionFailed):
    """Somebody changed it since it was read."""

    code = "connector_changed"


class UnknownRoute(NotFound):
    """No such route."""

    code = "unknown_route"


class RouteExists(Conflict):
    """The same way is there already."""

    code = "route_exists"


class MessageLeft(Conflict):
    """Too late: it is sent, or may be."""

    code = "message_left"


class BillingAway(Unavailable):
    """The price could not be held."""

    code = "service_unavailable"
