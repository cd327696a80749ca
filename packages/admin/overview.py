"""What stands on a distribution's page: its state, its releases, its history."""

from collections import defaultdict
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from packages import impact, roles
from packages.admin.decisions import for_row
from packages.admin.releases import CHANNEL_DECISIONS
from packages.admin.standing import Badge, badges, of_run
from packages.admin.sync_runs import asker, duration, in_short
from packages.key_names import fingerprint
from packages.models import Distribution, Feed, Package, Profile, Release, Target, validate_mirror_url
from packages.versions import version_key

MOST_RUNS = 8
# Of a release, in its line of the table; the others are on its page.
_IN_TABLE = ("approve", "decline", "stable", "enable", "hide", "unhide", "pin", "unpin", "disable")


class AddressForm(forms.Form):
    """The address of a mirror, to be tried."""

    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        validators=[validate_mirror_url],
        widget=forms.TextInput(attrs={"size": 60}),
    )

    def __init__(self, *args: Any, row: Distribution, may_move: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["url"], self.row = row.url, row
        # Whatever is sent, a field that is disabled has its first value: no other address is asked.
        self.fields["url"].disabled = not may_move

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"])
        if url.startswith("file://") and url != self.row.url and not self.row.is_hosted:
            raise forms.ValidationError(gettext("Only a hosted distribution takes a file:// address here."))
        return url


def badges_of(row: Distribution) -> list[Badge]:
    """How it stands as a whole."""
    found = [Badge("good", gettext("on offer")) if row.is_enabled else Badge("quiet", gettext("disabled"))]
    if row.stale_since:
        found.append(
            Badge(
                "bad",
                gettext("mirror fails"),
                gettext("Since %(time)s.") % {"time": f"{row.stale_since:%Y-%m-%d %H:%M}"},
            )
        )
    elif row.synced_at is None:
        found.append(Badge("wait", gettext("never synced")))
    return found


def head(row: Distribution, user: Any) -> dict[str, Any]:
    """The facts at the top."""
    releases = row.releases.filter(is_enabled=True, channel__is_enabled=True)
    stale = releases.filter(stale_since__isnull=False)
    return {
        "row": row,
        "base": row.built_on if row.built_on and roles.sees(user, row.built_on) else None,
        "badges": badges_of(row),
        "offered": releases.count(),
        "stale": [(release.version, release.sync_error) for release in stale[:5]],
        "stale_targets": _stale_targets(row),
        "keys": [(key, fingerprint(key.kind, key.text)) for key in row.keys.filter(is_enabled=True).order_by("id")],
        "is_stable_gone": bool(row.stable_version) and not releases.filter(version=row.stable_version).exists(),
        "check_url": reverse("admin:packages_distribution_check", args=[row.pk]),
    }


def _stale_targets(row: Distribution) -> list[tuple[str, str]]:
    stale = Target.objects.filter(
        release__distribution=row, release__is_enabled=True, is_enabled=True, stale_since__isnull=False
    )
    rows = stale.order_by("-release_id", "name")[:5]
    return [
        (f"{version} {name}", error)
        for version, name, error in rows.values_list("release__version", "name", "sync_error")
    ]


def page(row: Distribution, may_press: bool, user: Any) -> dict[str, Any]:
    """The rest, which does not stay fresh by itself."""
    releases = _releases(row)
    runs = row.sync_runs.select_related("asked_by", "distribution")[:MOST_RUNS]
    return {
        "waiting": [
            entry for entry in releases if entry["release"].awaits_decision and not entry["release"].vanished_at
        ],
        "channels": _channels(row, releases, may_press),
        "runs": [
            {
                "run": run,
                "badge": of_run(run),
                "short": ", ".join(in_short(run.changes)),
                "asker": asker(run),
                "took": duration(run),
            }
            for run in runs
        ],
        "links": _links(row, user),
    }


def _releases(row: Distribution) -> list[dict[str, Any]]:
    rows = row.releases.select_related("channel", "built_on").annotate(
        target_total=Count("targets", filter=Q(targets__is_enabled=True)),
        complete_total=Count("targets", filter=Q(targets__is_enabled=True, targets__synced_at__isnull=False)),
    )
    devices = dict(
        Profile.objects.filter(target__release__distribution=row, target__is_enabled=True)
        .order_by()
        .values_list("target__release")
        .annotate(total=Count("name", distinct=True))
    )
    found = []
    for release in sorted(rows, key=lambda release: version_key(release.version), reverse=True):
        release.distribution = row
        found.append(
            {
                "release": release,
                "badges": badges(release),
                "devices": devices.get(release.pk, 0),
                "choices": for_row(release, _IN_TABLE),
            }
        )
    return found


def _channels(row: Distribution, releases: list[dict[str, Any]], may_press: bool) -> list[dict[str, Any]]:
    """Newest first; open are the one with the stable release and those where something waits."""
    by_channel: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in releases:
        by_channel[entry["release"].channel_id].append(entry)
    channels = sorted(row.channels.all(), key=lambda row: (row.is_snapshot, version_key(row.name)), reverse=True)
    return [
        {
            "channel": channel,
            "badges": badges(channel),
            "choices": for_row(channel, CHANNEL_DECISIONS),
            "releases": by_channel[channel.pk],
            "is_open": number == 0 or any(_is_of_note(entry["release"]) for entry in by_channel[channel.pk]),
        }
        for number, channel in enumerate(channels)
    ]


def _is_of_note(release: Release) -> bool:
    return release.awaits_decision or release.version == release.distribution.stable_version


def _links(row: Distribution, user: Any) -> list[dict[str, Any]]:
    """Everything else that belongs to it, with its count."""
    packages = impact.bounded(Package.objects.filter(feed__release__distribution=row))
    feeds = Feed.objects.filter(release__distribution=row).count()
    profiles = roles.only_seen(user, row.network_profiles.all()).count()
    own, named = f"distribution__id__exact={row.pk}", urlencode({"distribution": row.name})
    counted = [
        (gettext("Package changes"), "packagechange", own, row.package_changes.count()),
        (gettext("Feeds"), "feed", named, feeds),
        (gettext("Packages"), "package", named, impact.number(packages)),
        (gettext("Network profiles"), "networkprofile", f"distributions__id__exact={row.pk}", profiles),
        (gettext("Allowed repositories"), "allowedrepository", own, row.allowed_repositories.count()),
        (gettext("Keys"), "distributionkey", own, row.keys.count()),
        (gettext("Syncs"), "syncrun", own, row.sync_runs.count()),
    ]
    found = [
        {"label": label, "url": f"{reverse(f'admin:packages_{name}_changelist')}?{query}", "count": count or 0}
        for label, name, query, count in counted
    ]
    asked = impact.asked(Release.objects.filter(distribution=row))
    return [*found, *({"label": text, "url": "", "count": ""} for text in asked)]
