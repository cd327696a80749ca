"""The published schema (OpenAPI 3.1), as JSON, as YAML, and as a page for people that needs nothing from elsewhere."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from images import addresses
from images.example import example_of
from images.viewers import viewer_of_page
from packages.models import Distribution


@cache
def schema() -> dict[str, Any]:
    """The OpenAPI document."""
    # Not above: a process that is never asked for the schema does without REST framework.
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.settings import patched_settings

    from images.api.operations import operations

    with patched_settings({"OAS_VERSION": "3.1.0", "POSTPROCESSING_HOOKS": []}):
        document: dict[str, Any] = SchemaGenerator(patterns=operations).get_schema(  # type: ignore[no-untyped-call]
            request=None, public=True
        )
    return document


@require_http_methods(["GET", "HEAD"])
def schema_view(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """`/api/v1/schema`: JSON; with `?format=yaml`, or when asked for by `Accept`, YAML."""
    if "yaml" in request.GET.get("format", "") + request.headers.get("Accept", ""):
        from drf_spectacular.renderers import OpenApiYamlRenderer

        return HttpResponse(
            OpenApiYamlRenderer().render(schema()),  # type: ignore[no-untyped-call]
            content_type="application/yaml",
        )
    return JsonResponse(schema())


@require_http_methods(["GET", "HEAD"])
def docs(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """`/docs/`, with examples of the distribution that the address names, where the viewer sees one of that name."""
    rows = {row.name: row for row in Distribution.objects.visible_to(viewer_of_page(request))}
    base = addresses.base(request)
    name = distribution or _best(rows)
    context = {
        "operations": _operations(),
        "address": _address(base, name),
        "example": _example(rows.get(name)),
        "distributions": [
            {"name": row.name, "title": str(row), "address": _address(base, row.name), "has_docs": row.name != name}
            for row in rows.values()
        ],
    }
    return render(request, "images/docs.html", context)


def _best(rows: Mapping[str, Distribution]) -> str:
    """Whose examples are shown at `/docs/`: one that is hosted here needs no network; else the default one."""
    hosted = next((row.name for row in rows.values() if row.is_hosted), "")
    return hosted or settings.ASU_DEFAULT_DISTRIBUTION


def _address(base: str, distribution: str) -> str:
    return base if distribution == settings.ASU_DEFAULT_DISTRIBUTION else f"{base}/{distribution}"


def _example(row: Distribution | None) -> dict[str, Any]:
    """A wish that works here; where nothing is known yet, one that shows the form."""
    found = example_of(row) if row is not None else None
    if found is None:
        return {"version": "24.10.2", "target": "ath79/generic", "profile": "tplink_archer-c7-v2", "packages": ["luci"]}
    profile, packages = found
    target = profile.target
    return {
        "version": target.release.version,
        "target": target.name,
        "profile": profile.name,
        "packages": packages or ["luci"],
    }


@cache
def _operations() -> list[dict[str, Any]]:
    """The paths in a form that a template can walk."""
    document = schema()
    return [
        {
            "id": operation["operationId"],
            "method": method.upper(),
            "path": path,
            "description": _marked(operation["description"]),
            "fields": _fields(document, _body(operation)),
            "answers": [
                {
                    "status": status,
                    "text": _marked(_schema_of(document, answer).get("description", "")),
                    "fields": _fields(document, answer),
                }
                for status, answer in operation["responses"].items()
            ],
        }
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _body(operation: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = operation.get("requestBody", {})
    return body


def _schema_of(document: dict[str, Any], holder: dict[str, Any]) -> dict[str, Any]:
    """The schema of a request or an answer, its reference followed; that of the entries for a list."""
    found: dict[str, Any] = holder.get("content", {}).get("application/json", {}).get("schema", {})
    found = found.get("items", found) if found.get("type") == "array" else found
    if "$ref" in found:
        found = document["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found


def _fields(document: dict[str, Any], holder: dict[str, Any]) -> list[dict[str, Any]]:
    shape = _schema_of(document, holder)
    required = shape.get("required", [])
    return [
        {
            "name": name,
            "type": _type(field),
            "is_required": name in required,
            "help": _marked(field.get("description") or " or ".join(f"`{word}`" for word in field.get("enum", ()))),
        }
        for name, field in shape.get("properties", {}).items()
    ]


def _marked(text: str) -> SafeString:
    """The schema's text for a page: what stands between backticks is code."""
    parts = (("<code>{}</code>" if number % 2 else "{}", part) for number, part in enumerate(text.split("`")))
    return format_html_join("", "{}", ((format_html(form, part),) for form, part in parts))


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return "object"
    kind = field.get("type", "object")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
