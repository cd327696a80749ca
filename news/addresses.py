"""Which addresses a webhook may have: plain ones, with ports where web servers are. Pure."""

import hashlib

from django.utils.translation import gettext

from packages.web_addresses import PORTS, WebAddress

# Above 1023, where something else listens that takes what we send for its own language; browsers refuse most of them.
_OTHERS = frozenset(
    {1433, 1521, 1719, 1720, 1723, 2049, 2375, 2376, 3306, 3659, 4045, 4190, 5060, 5061, 5432, 6000, 6379, 6566, 6697}
    | {9100, 9200, 9300, 10080, 11211, 27017, *range(6665, 6670)}
)


def webhook(text: str) -> str:
    """The address in its one spelling, a final slash as it was; ValueError with a sentence."""
    try:
        address = WebAddress.parse(text)
    except ValueError as error:
        raise ValueError(gettext("An address %(problem)s.") % {"problem": error}) from error
    if address.port not in PORTS.values() and (address.port < 1024 or address.port in _OTHERS):
        raise ValueError(gettext("Port %(port)d is none of a web server.") % {"port": address.port})
    return f"{address}/" if text.endswith("/") else str(address)


def host_key(url: str) -> str:
    """A host, for counting: not its name."""
    return hashlib.sha256(WebAddress.parse(url).host.encode()).hexdigest()
