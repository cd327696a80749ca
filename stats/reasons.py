"""Why builds fail, in the reader's language."""

from django.utils.translation import gettext

from builders.states import Reason

UNKNOWN = "unknown"  # of builds that tell none


def reason_words(reason: str) -> str:
    """The reason in words; one that is not known as it is."""
    if reason == UNKNOWN:
        return gettext("nobody knows")
    return gettext(Reason(reason).label) if reason in Reason.values() else reason
