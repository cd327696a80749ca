"""What can go wrong between us and a mirror, and what the catalogue does not know.

`str(error)` is a sentence for people; it names the document, never a path of this machine.
"""


class MirrorError(Exception):
    """A mirror did not give what it should. `permanent`: trying again at once gives the same."""

    permanent = True


class MirrorUnreachableError(MirrorError):
    """No answer, or an answer that says 'later' (5xx, timeout, connection refused)."""

    permanent = False


class DownloadStoppedError(MirrorUnreachableError):
    """`go_on()` said no: a cancelled build or a lost lease. What arrived so far is kept for the next try."""


class NotOnMirrorError(MirrorError):
    """The mirror answered and has no such document."""


class NotReadyError(MirrorError):
    """The main server answers 202: it is itself fetching the file. `percent`: how much of it, where that is known."""

    permanent = False

    def __init__(self, sentence: str, percent: int | None = None) -> None:
        super().__init__(sentence)
        self.percent = percent


class ChecksumError(MirrorError):
    """The bytes are not those that the (signed) sums name."""

    permanent = False


class SignatureError(MirrorError):
    """A signature is missing, broken, or by a key that is not pinned."""


class TooLargeError(MirrorError):
    """The document is larger than we are ready to read."""


class BadDocumentError(MirrorError):
    """The document is not in the format that its name promises."""


class UnknownError(Exception):
    """The catalogue does not offer what was asked for."""

    def __init__(self, sentence: str, name: str = "") -> None:
        super().__init__(sentence)
        self.name = name


class UnknownDistributionError(UnknownError):
    """No such distribution, or disabled."""


class UnknownVersionError(UnknownError):
    """No such release, or disabled."""


class UnknownTargetError(UnknownError):
    """No such target in this release, or disabled."""


class UnknownProfileError(UnknownError):
    """No release on offer has this device in this target."""


class NotCompleteError(UnknownError):
    """The target is known by name only: `complete(target_id)` must run before requests can be checked.

    `version` is the release's own name, whichever it was asked for by.
    """

    def __init__(self, sentence: str, name: str = "", *, target_id: int, version: str = "") -> None:
        super().__init__(sentence, name)
        self.target_id = target_id
        self.version = version
