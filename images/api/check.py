"""POST /api/v1/check: what is newer for a device, what changed on the way, and a request for the new image."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from images import questions
from images.api import answers, body
from images.api.answers import Answer
from images.api.build import respond
from images.exceptions import RequestRefusedError
from images.preparing import NotYetError
from images.questions import Question
from packages.changes import Applied
from packages.upgrades import Verdict
from packages.visibility import viewer_of


@csrf_exempt
@require_http_methods(["POST"])
def check(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """Says what is newer."""
    try:
        fields = body.parse(body.read(request))
        question = questions.shape(distribution, fields, client=request.headers.get("User-Agent", ""))
        verdict = questions.answer(question, viewer_of(request.META))
    except RequestRefusedError as refusal:
        return respond(request, answers.refused(refusal))
    except NotYetError as error:
        return respond(request, answers.error(503, str(error), {"Retry-After": "5"}))
    return respond(request, Answer(200, said(question, verdict)))


def said(question: Question, verdict: Verdict) -> dict[str, Any]:
    """The body of the answer."""
    return {
        "status": 200,
        "detail": _sentence(question, verdict),
        "distro": verdict.distribution,
        "version": verdict.version,
        "version_code": verdict.version_code,
        "target": verdict.target,
        "profile": verdict.profile,
        "installed": question.device.version,
        "is_newer": verdict.is_newer,
        "newest": verdict.newest,
        "newer_channels": list(verdict.newer_channels),
        "packages": None if verdict.packages is None else list(verdict.packages),
        "updates": {name: list(versions) for name, versions in verdict.updates.items()},
        "changes": [_change(applied) for applied in verdict.changes],
        "missing": dict(verdict.missing),
        "dropped": verdict.dropped
        and {
            "newest_with": verdict.dropped.newest_with,
            "newest": verdict.dropped.newest,
            "is_whole_target": verdict.dropped.is_whole_target,
        },
        "notes": list(verdict.notes),
        "request": _request(question, verdict),
    }


def _sentence(question: Question, verdict: Verdict) -> str:
    installed = question.device.version
    if verdict.is_newer and verdict.version.lower() != installed.lower():
        return f"{verdict.version} is newer than {installed}."
    if verdict.is_newer:
        return f"{verdict.version} is {verdict.version_code or 'another revision'} now."
    if verdict.updates:
        count = len(verdict.updates)
        return f"{installed} is the newest release; {count} {'package is' if count == 1 else 'packages are'} newer."
    return f"Nothing is newer than {installed}."


def _change(applied: Applied) -> dict[str, Any]:
    change = applied.change
    return {
        "kind": change.kind,
        "sources": list(applied.sources),
        "targets": list(applied.targets),
        "where": change.where,
        "release": change.version,
        "revision": change.revision,
        "mandatory": change.is_mandatory,
        "why": change.why,
    }


def _request(question: Question, verdict: Verdict) -> dict[str, Any] | None:
    """The body to POST to /api/v1/build; None when nothing is newer, or the device did not say what it is."""
    if not verdict.has_news or not verdict.profile:
        return None
    request: dict[str, Any] = {
        "distro": verdict.distribution,
        "version": verdict.version,
        "target": verdict.target,
        "profile": verdict.profile,
        "packages": list(verdict.packages or ()),
        "diff_packages": verdict.is_absolute,
        "current_version": question.device.version,
    }
    told = {
        "filesystem": question.filesystem,
        "network_profile": question.network_profile,
        "client": question.client,
    }
    return request | {name: value for name, value in told.items() if value}
