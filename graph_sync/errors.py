"""What can go wrong between us and Microsoft, by what the catcher must decide.

    GraphError
    * TryLater        slow, down or too busy          → back off, retry, log at warning
      * Throttled     says for how long
      * Unavailable   no answer, or a fault of theirs; a writing request may have been done all the same
    * Rejected        the answer is no, and asking again changes nothing
      * NotFound      the item is not there (any more, or not yet)
      * Gone          the delta token is spent          → start over
      * Forbidden     a permission is missing           → alert, retry seldom
    * Unexpected      an answer that nobody promised: another host, another shape

Foreign exceptions are translated once, in `graph.py` and `auth.py`. Messages hold Graph's error codes and our ids only.
"""

from datetime import timedelta


class GraphError(Exception):
    """Microsoft Graph did not do what was asked."""

    def __init__(self, code: str = "") -> None:
        super().__init__(code or (type(self).__doc__ or "").strip())
        self.code = code[:64]
        """Graph's error code, for rows and logs."""


class TryLater(GraphError):
    """Microsoft did not answer as it should; try again later."""


class Throttled(TryLater):
    """Too many requests."""

    def __init__(self, retry_after: timedelta, code: str = "throttled") -> None:
        super().__init__(code)
        self.retry_after = retry_after


class Unavailable(TryLater):
    """Microsoft is not available, or the connection broke."""


class Rejected(GraphError):
    """The request was refused."""


class NotFound(Rejected):
    """The item is not there."""


class Gone(Rejected):
    """The token is not good any more."""


class Forbidden(Rejected):
    """A permission is missing."""


class Unexpected(GraphError):
    """The answer is not one that the documentation knows."""
