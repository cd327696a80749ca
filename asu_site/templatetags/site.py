"""What templates of all apps use: icons, and the address they are at."""

from functools import cache

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.simple_tag
def icon(name: str) -> SafeString:
    """A picture of `templates/icons/` in the colour of the text around it. It says nothing to a screen reader."""
    return format_html('<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{}</svg>', _paths(name))


@cache
def _paths(name: str) -> SafeString:
    text = (settings.BASE_DIR / "templates" / "icons" / f"{name}.svg").read_text()
    return mark_safe(text.strip())


@register.simple_tag(takes_context=True)
def current(context: template.Context, start: str) -> SafeString:
    """`aria-current="page"` for the entry of a menu that the page belongs to: all addresses that start so."""
    request = context.get("request")
    is_here = request is not None and request.path.startswith(start)
    return mark_safe(' aria-current="page"' if is_here else "")
