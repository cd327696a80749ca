"""Which package repositories a request may name: those below an address that the operator allows."""

from dataclasses import dataclass

from django.db.models import Q

from packages.models import AllowedRepository, Distribution
from packages.public_keys import PublicKey
from packages.upstream import Bounds
from packages.web_addresses import WebAddress


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the operator says of a repository."""

    bounds: Bounds
    keys: tuple[PublicKey, ...]  # one of them has to sign; none: requests bring the keys


def allowed_addresses(distribution: Distribution) -> list[str]:
    """For people and clients."""
    return list(dict.fromkeys(entry.address for entry in _entries(distribution.name)))


def find(distribution: str, address: WebAddress) -> Allowance | None:
    """What goes for this address; where several entries fit, the closest one, and a distribution's own before all."""
    fitting = [entry for entry in _entries(distribution) if address.is_within(WebAddress.parse(entry.address))]
    if not fitting:
        return None
    closest = max(fitting, key=lambda entry: (len(entry.address), entry.distribution_id is not None))
    return Allowance(Bounds((closest.address,), closest.is_inside_allowed), closest.key_list)


def is_on_a_mirror(distribution: str, address: WebAddress) -> bool:
    """Whether it is below the mirror of a distribution, whose feeds may always be named.

    Of this one or of any public one: a flavour has the feeds of what it is built on. Private ones of others are
    nobody's business.
    """
    known = Distribution.objects.filter(Q(name=distribution) | Q(organisation=None), is_enabled=True)
    for url in known.values_list("url", flat=True):
        try:
            if address.is_within(WebAddress.parse(url)):
                return True
        except ValueError:
            continue  # a folder of this machine, or an address that only an operator would write
    return False


def _entries(distribution: str) -> list[AllowedRepository]:
    mine = Q(distribution=None) | Q(distribution__name=distribution)
    return list(AllowedRepository.objects.filter(mine, is_enabled=True))
