"""Images are withdrawn from their list, their page and the page of their build: each asks for a public sentence."""

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse

from builders.admin import sentences
from builders.admin.live import LiveAdmin
from images import services
from images.models import Image, ImageFile

SUGGESTIONS = (
    "It has a known security problem; please build a newer release.",
    "It does not start on this device; please use another release.",
    "It was built from a wrong package; please build it anew.",
    "It was withdrawn on request.",
)


def withdraw(model_admin: LiveAdmin, request: HttpRequest, images: Sequence[Image], chosen: Sequence[Any]) -> Any:
    """Asks why, or does it. `chosen`: the rows that were chosen, of the list that the page belongs to."""
    found = [image for image in images if image.withdrawn_at is None]
    sentence = sentences.said(request)
    if not found:
        model_admin.message_user(request, "Nothing to withdraw: there is no such image, or it is.", messages.WARNING)
        return None
    if not sentences.is_fine(sentence):
        return _ask(model_admin, request, images, found, chosen)
    for image in found:
        services.withdraw(image, sentence)
    model_admin.note(request, found, f"Withdrawn: {sentence}")
    count = len(found)
    model_admin.message_user(request, f"Withdrawn: {count} image{'' if count == 1 else 's'}.", messages.SUCCESS)
    return None


def _ask(
    model_admin: LiveAdmin, request: HttpRequest, images: Sequence[Image], found: list[Image], chosen: Sequence[Any]
) -> HttpResponse:
    downloads = ImageFile.objects.filter(image__in=found).aggregate(sum=Sum("downloads"))["sum"] or 0
    question = sentences.Question(
        name="withdraw",
        title="Withdraw from service",
        button=f"Withdraw {len(found)} image{'' if len(found) == 1 else 's'}",
        effects=[
            "The files are served no longer, from this moment on, and there is no way back.",
            "The page stays and shows your sentence; whoever asks for the same image hears it too.",
            f"They were downloaded {downloads} times so far; that does not call them back.",
        ],
        suggestions=SUGGESTIONS,
        rows=chosen,
        labels=[_label(image) for image in found],
        left_alone=[f"{_label(image)} is withdrawn already." for image in images if image not in found],
    )
    return sentences.ask(model_admin, request, question)


def _label(image: Image) -> str:
    asked = image.request
    return f"{asked.request_hash[:12]} {asked.profile}, {asked.version} {asked.target}"
