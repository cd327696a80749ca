"""Tokens by which clients are known wherever they call from: a community behind one address, a maintainer with many."""

import time
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from builders import tokens
from images.models import ClientToken
from packages import generation
from packages.models import Organisation

PREFIX = "asu-client-"
REMEMBERED_SECONDS = 5.0  # how long other machines may take to notice a token that was disabled
MOST_REMEMBERED = 1024
USE_NOTED = timedelta(hours=1)  # how exact `last_used_at` is: not every request writes


@dataclass(frozen=True, slots=True)
class Known:
    """A token that counts, as it was `made` out of the database in that generation."""

    pk: int
    is_trusted: bool
    organisation: int | None
    made: int
    until: float


# By the SHA-256 of the token. Only known ones come in here, so inventing tokens pushes nobody out.
_remembered: dict[str, Known] = {}


def fresh() -> tuple[str, str]:
    """A new token, and what is stored of it."""
    token = tokens.new(PREFIX)
    return token, tokens.digest(token)


def issue(name: str, *, is_trusted: bool = False, organisation: Organisation | None = None) -> str:
    """The token of this name, told once; a former one counts no more, and the client stays the same one.

    It opens what is the organisation's, and no longer what it opened before.
    """
    token, token_hash = fresh()
    values = {"token_hash": token_hash, "is_trusted": is_trusted, "is_enabled": True, "organisation": organisation}
    ClientToken.objects.update_or_create(name=name, defaults=values)
    transaction.on_commit(generation.bump)
    return token


def known(authorization: str) -> Known | None:
    """The enabled token in an Authorization header; None for any other one, and for words of another kind."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token.startswith(PREFIX):
        return None
    token_hash = tokens.digest(token)
    # Before it is looked up: should it be disabled meanwhile, what was found counts as old.
    now, made = time.monotonic(), generation.current()
    found = _remembered.get(token_hash)
    if found is None or found.made != made or found.until < now:
        found = _look_up(token_hash, made, now + REMEMBERED_SECONDS)
    return found


def _look_up(token_hash: str, made: int, until: float) -> Known | None:
    row = ClientToken.objects.filter(token_hash=token_hash, is_enabled=True).first()
    if row is None:
        _remembered.pop(token_hash, None)
        return None
    now = timezone.now()
    if row.last_used_at is None or row.last_used_at < now - USE_NOTED:
        ClientToken.objects.filter(pk=row.pk).update(last_used_at=now)
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    found = _remembered[token_hash] = Known(row.pk, row.is_trusted, row.organisation_id, made, until)
    return found
