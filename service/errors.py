"""What can go wrong in the service, by what the catcher must decide.

    ServiceError
    * Refused       the person's doing or none of their business  → 4xx page, no retry, log at info
      * TooBig      over a size limit; says by how much
    * TryAgain      the outside is slow or down                   → back off, retry, log at warning
    * Broken        tampered, impossible, or our bug              → stop this item, alert, log at error
      * SealBroken  sealed bytes do not open: wrong key, cut, changed or moved

Each class's docstring is its default message. Messages hold our ids only: no subject, body, address, name or token.
"""


class ServiceError(Exception):
    """Something went wrong in the service."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class Refused(ServiceError):
    """This was refused."""


class TooBig(Refused):
    """This is over the size limit."""

    def __init__(self, over_by: int) -> None:
        super().__init__()
        self.over_by = over_by
        """Bytes over the limit, as far as they were counted."""


class TryAgain(ServiceError):
    """Something outside did not answer; try again later."""


class Broken(ServiceError):
    """Something is not as we left it."""


class SealBroken(Broken):
    """The seal does not open: wrong key, or the bytes were changed, cut or moved."""
