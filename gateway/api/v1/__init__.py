"""REST, version 1: one module a resource (API.md)."""

from __future__ import annotations

from gateway.api.resource import KeryxApi

from . import (
    account,
    audit,
    billing,
    blacklist,
    bulk,
    campaigns,
    contacts,
    deposits,
    exports,
    filters,
    gdpr,
    groups,
    imports,
    margin,
    messages,
    notices,
    operator,
    opt_outs,
    orders,
    templates,
    text,
)

RESOURCES = (
    account.resource,
    bulk.resource,
    contacts.resource,
    filters.resource,
    gdpr.resource,
    audit.resource,
    groups.resource,
    imports.resource,
    blacklist.resource,
    opt_outs.resource,
    notices.resource,
    campaigns.resource,
    templates.resource,
    messages.resource,
    exports.resource,
    text.resource,
    billing.resource,
    orders.resource,
    operator.resource,
    deposits.resource,
    margin.resource,
)


def register(api: KeryxApi) -> None:
    """Add every resource to the application and to its document."""
    for resource in RESOURCES:
        api.register_blueprint(resource)
