"""The exceptions of the pipeline: one root, a few leaves, each with a message that says what to do."""


def printable(text: str) -> str:
    r"""Escape what is not printable, so that names and bytes of a source cannot steer a terminal, a log or a report.

    >>> printable("rot \x1b[31m")
    'rot \\x1b[31m'
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class FliesstextError(Exception):
    """Root of every error this project raises on purpose."""


class SourceError(FliesstextError):
    """One source cannot become a document; the run goes on and the source is quarantined.

    ``code`` is one of `stages.tables.schemas.REASONS`; the message is the sentence a person reads, all printable.
    """

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = printable(reason)
        super().__init__(self.reason)

    def __reduce__(self) -> tuple[type["SourceError"], tuple[str, str]]:
        return type(self), (self.code, self.reason)


class UsageError(FliesstextError):
    """The command or a parameter is wrong; nothing was read or written."""


class TooMuchError(FliesstextError):
    """The texts of a batch are together more than memory is meant to hold; smaller batches will do."""


class TablesError(FliesstextError):
    """The published tables are not what CURRENT.json says, or cannot be written."""


class LockedError(FliesstextError):
    """Another run is writing to the same tables."""


class StoppedError(FliesstextError):
    """Somebody stopped the run and its worker processes; a step that was under way in one of them has no result."""


class GateError(FliesstextError):
    """A critical expectation failed; nothing was published."""
