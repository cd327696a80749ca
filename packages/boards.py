"""What routers call themselves: a profile's id, or a board such as `tplink,archer-c7-v2`. Pure."""

from collections.abc import Iterable


def plain(board: str) -> str:
    """With `_` for `,`, as the ids of profiles have it."""
    return board.replace(",", "_")


def is_among(board: str, supported: Iterable[str]) -> bool:
    """Whether it is one of the boards that a profile supports, spelt either way."""
    wanted = plain(board)
    return any(plain(other) == wanted for other in supported)
