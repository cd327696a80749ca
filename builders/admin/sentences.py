"""A page between a button and what it does, where a maintainer says why: everybody can read that sentence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

LONGEST = 500


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what will happen to which rows."""

    name: str  # of the button or action
    title: str
    button: str
    effects: Sequence[str]
    suggestions: Sequence[str]
    rows: Sequence[Any]  # of the model of the list
    labels: Sequence[str]  # how each row is shown
    left_alone: Sequence[str] = field(default_factory=tuple)  # rows that it is not for, and why


def said(request: HttpRequest) -> str:
    """The sentence that came with the button of the page: own words before a suggestion, one line; "" without."""
    own = " ".join(request.POST.get("sentence", "").split())
    chosen = " ".join(request.POST.get("suggestion", "").split())
    return own or chosen if request.POST.get("confirmed") == "yes" else ""


def is_fine(sentence: str) -> bool:
    """Whether it may be shown to everybody."""
    return 0 < len(sentence) <= LONGEST and sentence.isprintable()


def ask(model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, question: Question) -> HttpResponse:
    """The page; again, with what was wrong, when it was sent without a sentence."""
    is_again = request.POST.get("confirmed") == "yes"
    context = {
        **model_admin.admin_site.each_context(request),
        "title": question.title,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "question": question,
        "longest": LONGEST,
        "wrong": f"Say why, in one sentence of up to {LONGEST} characters." if is_again else "",
        "sentence": request.POST.get("sentence", "")[: 2 * LONGEST],
        "is_bulk": "action" in request.POST,
        "back": request.POST.get("back", ""),
    }
    return TemplateResponse(request, "admin/builders/sentence.html", context)
