"""What can go wrong in contacts; the codes are stable and reach the caller as they are."""

from __future__ import annotations

from contracts.errors import (
    BadRequest,
    Conflict,
    Invalid,
    NotFound,
    PreconditionFailed,
    TooLarge,
    TooMany,
)  # fmt: skip


class UnknownContact(NotFound):
    """The account has no such contact."""

    code = "unknown_contact"


class UnknownGroup(NotFound):
    """The account has no such group."""

    code = "unknown_group"


class UnknownImport(NotFound):
    """The account has no such import."""

    code = "unknown_import"


class UnknownSnapshot(NotFound):
    """The account has no such snapshot."""

    code = "unknown_snapshot"


class UnknownLink(NotFound):
    """Nobody has got this unsubscribe link, or so long ago that it is forgotten."""

    code = "unknown_link"


class UnknownOptOut(NotFound):
    """The account has no such request to be left alone."""

    code = "unknown_opt_out"


class UnknownNumber(NotFound):
    """Nothing is known about the number."""

    code = "unknown_number"


class NotSuppressed(NotFound):
    """The number is not on the account's blacklist."""

    code = "not_suppressed"


class InvalidFields(Invalid):
    """One or more fields are wrong; ``errors`` names each."""

    code = "invalid_fields"


class InvalidMapping(Invalid):
    """The mapping of an import cannot be used; ``errors`` says where."""

    code = "invalid_mapping"


class UnknownBulk(NotFound):
    """The account has no such bulk action."""

    code = "unknown_bulk"


class UnknownFilter(NotFound):
    """The account has no such saved filter."""

    code = "unknown_filter"


class UnknownMerge(NotFound):
    """The account has no such merge."""

    code = "unknown_merge"


class NotUndoable(Conflict):
    """A bulk action or a merge cannot be undone; its code says why: ``not_undoable_<why>``."""


class FilterNameTaken(Conflict):
    """Another saved filter of the account has the name."""

    code = "filter_name_taken"


class NumberTaken(Conflict):
    """Another contact of the account has the number."""

    code = "number_taken"


class GroupNameTaken(Conflict):
    """Another group of the account has the name."""

    code = "group_name_taken"


class OptOutDecided(Conflict):
    """The request was decided otherwise, or taken back."""

    code = "opt_out_decided"


class NothingToUndo(Conflict):
    """The request is too old to be taken back by its link, or does not stand any more."""

    code = "nothing_to_undo"


class WrongImportState(Conflict):
    """The import is not in a state that allows this now."""

    code = "wrong_import_state"


class PieceOutOfOrder(Conflict):
    """A piece of a file came before the one it follows, or again with other content."""

    code = "piece_out_of_order"


class ImportIncomplete(Conflict):
    """Fewer bytes of the file have arrived than were announced."""

    code = "import_incomplete"


class SnapshotNotReady(Conflict):
    """The snapshot is still being made, or could not be made."""

    code = "snapshot_not_ready"


class VersionMismatch(PreconditionFailed):
    """Somebody changed it since it was read."""

    code = "version_mismatch"


class FileTooLarge(TooLarge):
    """The file is larger than is taken."""

    code = "file_too_large"


class PieceTooLarge(TooLarge):
    """The piece is larger than is taken at once."""

    code = "piece_too_large"


class PasteTooLarge(TooLarge):
    """The pasted text is longer than is taken."""

    code = "paste_too_large"


class TooManyNumbers(TooLarge):
    """More numbers than are taken in one call."""

    code = "too_many_numbers"


class TooManyImports(TooMany):
    """The account has too many imports that are neither committed nor cancelled."""

    code = "too_many_imports"


class TooManyOptOuts(TooMany):
    """More requests by link from one address within a minute than are taken."""

    code = "too_many_opt_outs"


class BadCursor(BadRequest):
    """The cursor was not made by this service."""

    code = "bad_cursor"
