"""Words about images, for templates."""

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

register = template.Library()

_STATES = {
    "queued": gettext_lazy("waiting"),
    "building": gettext_lazy("being built"),
    "ready": gettext_lazy("ready"),
    "failed": gettext_lazy("failed"),
    "parked": gettext_lazy("set aside"),
    "dropped": gettext_lazy("given up"),
    "expired": gettext_lazy("expired"),
    "withdrawn": gettext_lazy("withdrawn"),
    "preparing": gettext_lazy("being checked"),
    "refused": gettext_lazy("refused"),
}


@register.simple_tag
def state_words(state: str) -> str | Promise:
    """What `ImagePage.state` is called."""
    return _STATES.get(state, state)
