"""``/templates``: texts to be used again."""

from __future__ import annotations

from typing import Any

from gateway import auth, etag
from gateway.api.resource import CONDITIONAL, IDEMPOTENT, Resource, no_content
from gateway.clients import services
from gateway.defaults import custom_field_labels
from gateway.paging import page_of
from gateway.request import idempotency_key

from .schemas.templates import NewTemplate, Template, TemplateChanges, TemplateListArgs

resource = Resource("templates", description="Texts to be used again")


@resource.route("/templates", methods=["POST"])
@resource.doc(**IDEMPOTENT)
@resource.arguments(NewTemplate)
@resource.response(201, Template)
def create_template(data: dict[str, Any]) -> Any:
    """Save a text under a name; an account may have 1,000."""
    encoding = data.get("encoding") or auth.identity().settings["encoding"]
    wanted = {**data, "encoding": encoding, "labels": custom_field_labels()}
    return etag.tagged(services().campaigns.create_template(auth.account_id(), wanted, idempotency_key()))


@resource.route("/templates")
@resource.arguments(TemplateListArgs, location="query")
@resource.response(200, page_of(Template))
def list_templates(args: dict[str, Any]) -> Any:
    """Templates by name, or by when they were last used: `-last_used` has the last one first."""
    return services().campaigns.list_templates(auth.account_id(), **args)


@resource.route("/templates/<id:template_id>")
@resource.response(200, Template)
def get_template(template_id: int) -> Any:
    """One template."""
    return etag.tagged(services().campaigns.get_template(auth.account_id(), template_id))


@resource.route("/templates/<id:template_id>", methods=["PATCH"])
@resource.doc(**CONDITIONAL)
@resource.arguments(TemplateChanges)
@resource.response(200, Template)
def update_template(changes: dict[str, Any], template_id: int) -> Any:
    """Change a template; campaigns that were made from it stay as they are."""
    wanted = {**changes, "labels": custom_field_labels()}
    with etag.conflict_shows(lambda: _current(template_id)):
        found = services().campaigns.update_template(
            auth.account_id(), template_id, wanted, etag.expected_version()
        )
    return etag.tagged(found)


@resource.route("/templates/<id:template_id>", methods=["DELETE"])
@resource.doc(**CONDITIONAL)
@resource.response(204)
def delete_template(template_id: int) -> Any:
    """Delete a template; campaigns that were made from it stay as they are."""
    with etag.conflict_shows(lambda: _current(template_id)):
        services().campaigns.delete_template(auth.account_id(), template_id, etag.expected_version())
    return no_content()


def _current(template_id: int) -> Any:
    return Template().dump(services().campaigns.get_template(auth.account_id(), template_id))
