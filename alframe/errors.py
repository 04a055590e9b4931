"""What can go wrong, by kind. Every message says what was asked, what was there and what to do."""

from __future__ import annotations


class AlframeError(Exception):
    """Base of every error that alframe raises for its user; the command line prints it without a traceback."""


class ConfigurationError(AlframeError):
    """A configuration that cannot be run: an unknown key, a wrong value, parts that do not fit together."""


class InvalidInput(AlframeError, ValueError):
    """An array or argument that a function cannot use: shape, dtype, NaN, rows that do not sum to one."""


class PoolExhausted(AlframeError):
    """More samples were asked for than are left unlabelled."""


class DataError(AlframeError):
    """A data source that cannot be opened: a missing folder, an unreadable table, no images."""


class UnreadableImage(AlframeError):
    """One image that cannot be decoded; it is set aside with this reason and the run goes on."""


class LedgerConflict(AlframeError):
    """A ledger entry was offered again under the same key with another content."""


class RunConflict(AlframeError):
    """A run folder that cannot be used: another configuration, another process, a damaged artefact."""


class LabelsPending(AlframeError):
    """The oracle has not answered all of a query yet; the run goes on from here when it has."""


class WorkersLost(AlframeError):
    """Processes that compute died again and again over the same work."""


class ExportFailed(AlframeError):
    """A model that cannot be written in another format, or that says something else there."""


class NotFound(AlframeError):
    """Something was named that is not there, or is not for the eyes of who asked."""


class Conflict(AlframeError):
    """What was asked fits an earlier state: a lease that has run out, a key that stands for another request."""


class Forbidden(AlframeError):
    """Who asked is known, and may not do it."""


class NotSignedIn(AlframeError):
    """Nobody is known to have asked: a wrong password, no token, one that has run out."""


class TooMany(AlframeError):
    """More was asked for in this time than is allowed; later it may be."""


class Unavailable(AlframeError):
    """A service that a run works with does not answer at the moment; later it may."""
