"""The exceptions of the pipeline: one root, a few leaves, each with a message that says what to do."""


class FliesstextError(Exception):
    """Root of every error this project raises on purpose."""


class SourceError(FliesstextError):
    """One source cannot become a document; the run goes on and the source is quarantined.

    ``code`` is one of `stages.schemas.REASONS`; the message is the sentence a person reads.
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason

    def __reduce__(self) -> tuple[type["SourceError"], tuple[str, str]]:
        return type(self), (self.code, self.reason)


class UsageError(FliesstextError):
    """The command or a parameter is wrong; nothing was read or written."""


class TablesError(FliesstextError):
    """The published tables are not what CURRENT.json says, or cannot be written."""


class LockedError(FliesstextError):
    """Another run is writing to the same tables."""


class GateError(FliesstextError):
    """A critical expectation failed; nothing was published."""
