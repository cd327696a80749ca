"""Guessing passwords takes for ever: how often one may try to sign in, and how long one has to wait after that.

Attempts are counted before the password is looked at, in the database, so that many at once and several processes make
no difference. Three counters: of an account from an address (a person who mistypes), of an account from wherever (many
machines that guess), of an address for whatever accounts. Names and addresses are kept as keyed hashes; for a name that
nobody has all goes the same way as for one that somebody has.

A browser that somebody signed in with before has one counter of its own instead: whoever guesses elsewhere, from
however many addresses, shuts out nobody who was here already.
"""

import hashlib
import ipaddress
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from packages.callers import address_of
from packages.models import SignInTrouble

Kind = SignInTrouble.Kind
WINDOW = timedelta(minutes=15)  # after so long without an attempt counting begins anew


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts, and then a pause."""

    attempts: int
    pause: timedelta


LIMITS = {
    Kind.PAIR: Limit(5, timedelta(minutes=5)),
    # Higher, for whoever reaches it shuts out the person too.
    Kind.ACCOUNT: Limit(50, timedelta(minutes=15)),
    Kind.ADDRESS: Limit(30, timedelta(minutes=15)),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """One attempt too many."""

    wait: timedelta
    is_first: bool  # the pause begins with it


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody tries to sign in."""

    keys: Mapping[str, str]  # kind -> hash
    user: Any  # whose name it is, or None

    @classmethod
    def by(cls, name: str, environ: Mapping[str, Any], *, browser: str = "") -> "Attempt":
        """With that name, from where the request came; `browser` is that of somebody who signed in before."""
        folded, address = unicodedata.normalize("NFKC", name).casefold()[:200], _network(address_of(environ))
        if browser:
            parts = {Kind.PAIR: f"browser {browser} {folded}"}
        else:
            parts = {Kind.PAIR: f"{address} {folded}", Kind.ACCOUNT: folded, Kind.ADDRESS: address}
        keys = {kind.value: _hash(kind, part) for kind, part in parts.items()}
        return cls(keys, get_user_model().objects.filter(username=name).first())

    def begin(self) -> Refusal | None:
        """Counts it. If it is one too many, the password must not be looked at."""
        now = timezone.now()
        rows = SignInTrouble.objects.filter(key__in=self.keys.values())
        if wait := _longest_wait(rows, now):
            return Refusal(wait, is_first=False)
        self._count(now)
        for kind, key in self.keys.items():
            limit = LIMITS[Kind(kind)]
            over = SignInTrouble.objects.filter(key=key, count__gt=limit.attempts, blocked_until=None)
            over.update(blocked_until=now + limit.pause)
        wait = _longest_wait(rows, now)
        return Refusal(wait, is_first=True) if wait else None

    def succeeded(self) -> None:
        """It was the person: nothing counts against the account; of the address, what came before still does."""
        of_account = [key for kind, key in self.keys.items() if kind != Kind.ADDRESS]
        SignInTrouble.objects.filter(key__in=of_account).delete()
        SignInTrouble.objects.filter(key=self.keys.get(Kind.ADDRESS, ""), count__gt=0).update(count=F("count") - 1)

    def _count(self, now: datetime) -> None:
        is_over = Q(tried_at__lt=now - WINDOW) | Q(blocked_until__lte=now)
        for kind, key in self.keys.items():
            row = SignInTrouble.objects.filter(key=key)
            one_more = {
                "count": Case(When(is_over, then=Value(1)), default=F("count") + 1),
                "blocked_until": Case(When(is_over, then=Value(None)), default=F("blocked_until")),
                "tried_at": now,
            }
            if not row.update(**one_more):
                whose = self.user if kind != Kind.ADDRESS else None
                fresh = SignInTrouble(key=key, kind=kind, user=whose, tried_at=now)
                SignInTrouble.objects.bulk_create([fresh], ignore_conflicts=True)  # another may have been first
                row.update(**one_more)
                SignInTrouble.objects.filter(tried_at__lt=now - timedelta(days=1)).delete()


def _longest_wait(rows: Any, now: datetime) -> timedelta | None:
    ends = list(rows.filter(blocked_until__gt=now).values_list("blocked_until", flat=True))
    return max(ends) - now if ends else None


def blocked() -> Any:
    """What is blocked just now."""
    return SignInTrouble.objects.filter(blocked_until__gt=timezone.now())


def _network(address: str) -> str:
    """Of IPv6 the network: a machine has as many addresses as it likes."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _hash(kind: str, text: str) -> str:
    key = settings.SECRET_KEY.encode()[:64]
    return hashlib.blake2b(f"{kind} {text}".encode("utf-8", "replace"), key=key, digest_size=24).hexdigest()
