"""Adding a distribution, guided: name, address and keys; what the mirror has; then it is saved and synced."""

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from packages.admin.releases import page_of
from packages.definitions import SHIPPED
from packages.models import Distribution, validate_distribution_name, validate_mirror_url
from packages.registry import RegistrationError, add_distribution, key_kind
from packages.sync import probing

if TYPE_CHECKING:
    from packages.admin.distributions import DistributionAdmin

MAX_KEYS_TEXT = 64 * 1024  # characters
_ARMOURED = re.compile(r"-----BEGIN (PGP PUBLIC KEY BLOCK|PUBLIC KEY)-----.*?-----END \1-----", re.DOTALL)


class AddForm(forms.Form):
    """What has to be known of a distribution before anything can be asked of its mirror."""

    name = forms.CharField(
        label=_("Name"),
        max_length=32,
        validators=[validate_distribution_name],
        help_text=_("Lower-case letters, digits and dashes: the first part of its addresses here."),
    )
    title = forms.CharField(
        label=_("Title"), max_length=80, required=False, help_text=_("How people write it, e.g. OpenWrt.")
    )
    url = forms.CharField(
        label=_("Address of the mirror"),
        max_length=500,
        validators=[validate_mirror_url],
        widget=forms.TextInput(attrs={"size": 60}),
        help_text=_("The folder that holds 'releases/', e.g. https://downloads.example.org"),
    )
    keys = forms.CharField(
        label=_("Public keys"),
        required=False,
        max_length=MAX_KEYS_TEXT,
        widget=forms.Textarea(attrs={"rows": 6, "cols": 70, "spellcheck": "false"}),
        help_text=(
            _(
                "As the distribution publishes them, one below the other: usign, OpenPGP (armoured) or PEM of apk. "
                "Take them from its own pages, not from the mirror. With none, what the mirror sends is taken unsigned."
            )
        ),
    )
    is_hosted = forms.BooleanField(
        label=_("We are the mirror"),
        required=False,
        help_text=_("Its documents are served by this server below its name. Takes a file:// address."),
    )

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if Distribution.objects.filter(name=name).exists():
            raise forms.ValidationError(gettext("There is a distribution of this name already."))
        return name

    def clean_keys(self) -> list[probing.Key]:
        try:
            return [probing.Key(key_kind(text), text) for text in split_keys(str(self.cleaned_data["keys"]))]
        except RegistrationError as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        is_folder = str(data.get("url", "")).startswith("file://")
        if "url" in data and is_folder != bool(data.get("is_hosted")):
            sentence = gettext(
                "A distribution that is hosted here needs a file:// address, and only such a one takes it."
            )
            raise forms.ValidationError({"url": sentence})
        return data


def split_keys(text: str) -> list[str]:
    """The key files in a text, each as its file has it."""
    text = "\n".join(text.splitlines())
    found = [f"{match[0].strip()}\n" for match in _ARMOURED.finditer(text)]
    comment = ""
    for line in filter(None, (line.strip() for line in _ARMOURED.sub("", text).splitlines())):
        if line.startswith("untrusted comment:"):
            comment = line
        else:
            found.append(f"{comment or 'untrusted comment: public key'}\n{line}\n")
            comment = ""
    return found


def view(owner: "DistributionAdmin", request: HttpRequest) -> HttpResponse:
    """The page, its trial, and the saving."""
    step = request.POST.get("step", "")
    if step == "shipped":
        return _add_shipped(owner, request)
    form = AddForm(request.POST or None)
    finding = None
    if request.method == "POST" and form.is_valid():
        if step == "save":
            return _save(owner, request, form.cleaned_data)
        finding = probing.probe(form.cleaned_data["url"], form.cleaned_data["keys"])
    there = set(Distribution.objects.filter(name__in=SHIPPED).values_list("name", flat=True))
    context = {
        **owner.admin_site.each_context(request),
        "title": gettext("Add a distribution"),
        "opts": owner.opts,
        "media": owner.media,
        "form": form,
        "finding": finding,
        "shipped": [definition for name, definition in SHIPPED.items() if name not in there],
    }
    return TemplateResponse(request, "admin/packages/distribution/add.html", context)


def _add_shipped(owner: "DistributionAdmin", request: HttpRequest) -> HttpResponse:
    name = request.POST.get("name", "")
    if name not in SHIPPED:
        return HttpResponseRedirect(reverse("admin:packages_distribution_add"))
    try:
        row, _ = add_distribution(name)
    except (RegistrationError, ValidationError) as error:
        owner.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:packages_distribution_add"))
    owner.log_addition(request, row, "Added as shipped.")
    sentence = gettext(
        "%(name)s is there. Pin its public keys below, so that only what it signed is taken; then press Sync now."
    )
    owner.message_user(request, sentence % {"name": row}, messages.SUCCESS)
    return HttpResponseRedirect(reverse("admin:packages_distribution_change", args=[row.pk]))


def _save(owner: "DistributionAdmin", request: HttpRequest, data: dict[str, Any]) -> HttpResponse:
    try:
        row, _ = add_distribution(
            data["name"],
            url=data["url"],
            title=data["title"],
            keys=[key.text for key in data["keys"]],
            is_hosted=data["is_hosted"],
        )
    except (RegistrationError, ValidationError) as error:
        owner.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(reverse("admin:packages_distribution_add"))
    owner.log_addition(request, row, "Added.")
    owner.message_user(
        request,
        gettext("%(name)s is there. It is synced now: this is how far it is.") % {"name": row},
        messages.SUCCESS,
    )
    return page_of(owner.sync(request, row))
