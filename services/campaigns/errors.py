"""What can go wrong in campaigns; the codes are stable and reach the caller as they are."""

from __future__ import annotations

from contracts.errors import BadRequest, Conflict, Invalid, NotFound, PreconditionFailed


class UnknownCampaign(NotFound):
    """The account has no such campaign."""

    code = "unknown_campaign"


class UnknownTemplate(NotFound):
    """The account has no such template."""

    code = "unknown_template"


class TemplateNameTaken(Conflict):
    """The account has a template of this name, whatever its case and accents."""

    code = "template_name_taken"


class TooManyTemplates(Conflict):
    """The account has as many templates as an account may have."""

    code = "too_many_templates"


class TemplateChanged(PreconditionFailed):
    """Somebody changed the template since it was read."""

    code = "version_mismatch"


class WrongState(Conflict):
    """The campaign's state does not allow it now."""

    code = "wrong_state"


class NoPrices(Conflict):
    """Nothing is priced for the account in this class, so nobody could be sent to."""

    code = "no_prices"


class EmptyAudience(Conflict):
    """The audience names nobody any more: the last number in it was erased."""

    code = "empty_audience"


class CampaignChanged(PreconditionFailed):
    """Somebody changed the campaign since it was read."""

    code = "version_mismatch"


class InvalidFields(Invalid):
    """One or more fields are wrong; ``errors`` names each."""

    code = "invalid_fields"


class BadCursor(BadRequest):
    """The cursor was not made by this service."""

    code = "bad_cursor"
