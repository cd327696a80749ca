"""What can be wrong with a request, in words for whoever sent it."""

from typing import Any, Self


class TooManyRequestsError(Exception):
    """The client has had as many builds as it may have for now."""


UNKNOWN_PACKAGE = "X-Unknown-Package"  # the header that names them


class RequestRefusedError(Exception):
    """The request cannot be built as it stands: nothing was stored, nothing is queued.

    `detail` names the field and what would be right. `status` is the HTTP status of the contract: 400 for mistakes, 422
    for unknown packages (with the header `X-Unknown-Package`), 413 for bodies over the limit, 500 where clients know a
    mismatch of revisions or versions as a failed build. `may_be_stale`: the mirror may have moved on since we read it,
    so it is worth a look there before this is the answer.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        headers: dict[str, str] | None = None,
        field: str = "",
        may_be_stale: bool = False,
    ) -> None:
        super().__init__(detail)
        self.may_be_stale = may_be_stale
        self.status = status
        self.detail = detail
        self.headers = headers or {}
        self.field = field

    def to_json(self) -> dict[str, Any]:
        """For the row of a request that waited."""
        return {"status": self.status, "detail": self.detail, "headers": self.headers, "field": self.field}

    @classmethod
    def from_json(cls, refusal: dict[str, Any]) -> Self:
        """The reverse."""
        return cls(refusal["status"], refusal["detail"], headers=refusal["headers"], field=refusal.get("field", ""))
