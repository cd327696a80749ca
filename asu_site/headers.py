"""The headers that every answer carries, whoever made it."""

from asu_site.addresses import is_admin, is_page

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": (
        "X-Imagebuilder-Status, X-Queue-Position, X-Build-Queue-Position, X-Unknown-Package, X-Missing-Param"
    ),
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Max-Age": "86400",
}
PREFLIGHT_DEFAULT_HEADERS = "Content-Type"
SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# Django's admin writes a few style attributes.
_ADMIN_POLICY = _PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"


def common(path: str, content_type: str = "application/json") -> dict[str, str]:
    """The headers for an answer at `path`; a view may have set its own value of any of them."""
    headers = {**SAFETY, "Content-Security-Policy": _policy(path, content_type)}
    if not is_admin(path):
        # A token opens what is an organisation's; else it would not be there.
        headers["Vary"] = "Authorization"
        # Without credentials, so `*` opens nothing; browsers need it on errors and redirects too.
        headers.update(CORS)
    return headers


def _policy(path: str, content_type: str) -> str:
    if is_admin(path):
        return _ADMIN_POLICY
    if is_page(path) or content_type.startswith("text/html"):
        return _PAGE_POLICY
    return _DATA_POLICY
