"""How far we go for an address that a stranger named."""

from dataclasses import dataclass

from packages.exceptions import MirrorError
from packages.web_addresses import WebAddress


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far we go for an address that a stranger named: below these folders, redirects included.

    Hosts on this machine and in private networks are out of bounds too unless `is_inside_allowed`: that is decided by
    the very address that is connected to, so that a name server cannot say one thing first and another thing then.
    """

    within: tuple[str, ...]
    is_inside_allowed: bool = False

    def check(self, url: str, path: str) -> None:
        """MirrorError for an address beyond them."""
        try:
            address = WebAddress.parse(url)
        except ValueError as error:
            raise MirrorError(f"{path}: an address of a repository {error}.") from error
        if not any(address.is_within(WebAddress.parse(folder)) for folder in self.within):
            raise MirrorError(f"{path}: the repository leads to an address that this server does not allow.")
