"""Who did what and when: entries in Django's log of the admin, for whatever changes something here.

Forms of the admin write theirs themselves. Entries without a person (the command line, a failed sign-in for a name that
nobody has) belong to accounts that nobody can sign in to.
"""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.contrib.admin.models import ADDITION as ADDITION
from django.contrib.admin.models import CHANGE as CHANGE
from django.contrib.admin.models import DELETION as DELETION
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# Beside Django's 1 to 3.
SIGNED_IN, SIGNED_OUT, FAILED, BLOCKED = 11, 12, 13, 14
KINDS = {
    ADDITION: "added",
    CHANGE: "changed",
    DELETION: "deleted",
    SIGNED_IN: "signed in",
    SIGNED_OUT: "signed out",
    FAILED: "sign-in failed",
    BLOCKED: "sign-in blocked",
}
# Nobody can choose such a name: it has a blank.
COMMAND_LINE, UNKNOWN = "command line", "unknown name"
NOBODIES = (COMMAND_LINE, UNKNOWN)
_MOST_VALUE = 120  # characters of a value, before and after


def note(user: Any, rows: Iterable[Model], sentence: str, kind: int = CHANGE) -> None:
    """An entry for each of the rows."""
    for row in rows:
        LogEntry.objects.create(
            user_id=user.pk,
            content_type=ContentType.objects.get_for_model(row, for_concrete_model=False),
            object_id=str(row.pk),
            object_repr=str(row)[:200],
            action_flag=kind,
            change_message=sentence,
        )


def by_command(rows: Iterable[Model], sentence: str, kind: int = CHANGE) -> None:
    """What a command of `manage.py` did. Call it before the rows go, when they do."""
    note(nobody(COMMAND_LINE), rows, sentence, kind)


def of_server(sentence: str, kind: int = CHANGE) -> None:
    """What a command changed that is no row: a key, files, counters. The entry is about who did it."""
    by_command([nobody(COMMAND_LINE)], sentence, kind)


def of_session(kind: int, user: "User | None", sentence: str = "") -> None:
    """Somebody came, went, or was not let in; None: a name that nobody has, which is not written down."""
    stranger = nobody(UNKNOWN)  # looked up either way: no name takes longer than another
    who = user or stranger
    note(who, [who], sentence or f"{KINDS[kind].capitalize()}.", kind)


def nobody(name: str) -> "User":
    """The account that stands for whoever has none."""
    user, _is_new = get_user_model().objects.get_or_create(
        username=name, defaults={"is_active": False, "password": "!"}
    )
    return user


def last() -> int:
    """The newest entry, to ask `wrote_since` later."""
    return LogEntry.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def wrote_since(entry: int, user: Any) -> bool:
    """Whether the person has a newer entry."""
    return LogEntry.objects.filter(pk__gt=entry, user_id=user.pk).exists()


def with_values(message: list[Any], form: Any) -> list[Any]:
    """A form's own message, and what changed from what to what, for fields whose values are short and no secret."""
    values = {}
    for name in form.changed_data:
        field = form.fields.get(name)
        if field is None or not _may_be_told(form, name, field):
            continue
        values[str(field.label or name)] = [
            _shown(form, name, form[name].initial),
            _shown(form, name, form.cleaned_data.get(name)),
        ]
    for part in message:
        if "changed" in part and "object" not in part["changed"]:
            part["changed"]["values"] = values
    return message


def values_of(entry: LogEntry) -> dict[str, list[str]]:
    """What `with_values` kept."""
    try:
        message = json.loads(entry.change_message)
    except ValueError:
        return {}
    parts = message if isinstance(message, list) else []
    return {
        name: both
        for part in parts
        if isinstance(part, dict)
        for name, both in part.get("changed", {}).get("values", {}).items()
    }


def _may_be_told(form: Any, name: str, field: Any) -> bool:
    return getattr(field.widget, "input_type", "") not in ("password", "file") and name not in (
        "content",
        "text",
        "upload",
    )


def _shown(form: Any, name: str, value: Any) -> str:
    if isinstance(value, Model):
        shown = str(value)
    elif hasattr(value, "__iter__") and not isinstance(value, str | bytes | dict):
        shown = ", ".join(map(str, value))
    elif (queryset := getattr(form.fields[name], "queryset", None)) is not None and value:
        shown = str(queryset.filter(pk=value).first() or value)
    else:
        shown = "" if value is None else str(value)
    return shown if len(shown) <= _MOST_VALUE else f"{shown[:_MOST_VALUE]}…"
