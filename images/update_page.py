"""What the page about updates shows: a verdict on a device, in groups and sentences for people."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext, gettext_lazy, ngettext

from builders.shown import visible
from images import device_links
from images.questions import Question
from packages.changes import Kind
from packages.models import Distribution
from packages.upgrades import Verdict, in_words
from packages.visibility import Viewer

_KINDS = {
    Kind.RENAMED: gettext_lazy("renamed"),
    Kind.MERGED: gettext_lazy("merged"),
    Kind.SPLIT: gettext_lazy("split"),
    Kind.DROPPED: gettext_lazy("dropped"),
    Kind.DEFAULT: gettext_lazy("now a default"),
    Kind.ADDED: gettext_lazy("needed now"),
}
# A feed's address should fit everywhere; whole images are told by what somebody chose, or the first of it.
_MOST_IN_LINK = 150


@dataclass(frozen=True)
class UpdatePage:
    """The answer to one question."""

    question: Question
    verdict: Verdict
    viewer: Viewer
    base: str  # address of this server

    @property
    def installed(self) -> str:
        """The release that the device runs."""
        return self.question.device.version

    @property
    def title(self) -> str:
        """How people write the distribution."""
        row = Distribution.objects.visible_to(self.viewer).filter(name=self.verdict.distribution).first()
        return str(row) if row else self.verdict.distribution

    @property
    def is_other_release(self) -> bool:
        """Whether there is another release to go to, not only another revision of the same snapshot."""
        return self.verdict.is_newer and self.verdict.version.lower() != self.installed.lower()

    @property
    def is_gone(self) -> bool:
        """What it runs is offered no longer, and nothing that it could go to is."""
        return bool(self.question.device.profile) and not self.verdict.profile

    @property
    def sentence(self) -> str:
        """The verdict."""
        words = {"new": f"{self.title} {self.verdict.version}", "old": self.installed}
        if self.is_gone:
            return gettext("%(old)s is not offered any more, and nothing newer is in its channel.") % words
        if self.is_other_release:
            return gettext("%(new)s is there for your router, which runs %(old)s.") % words
        if self.verdict.is_newer:
            words["code"] = self.verdict.version_code
            return gettext("%(new)s was built anew: it is %(code)s now.") % words
        if count := len(self.verdict.updates):
            return ngettext(
                "%(new)s is the newest release; one of your packages is newer there.",
                "%(new)s is the newest release; %(count)d of your packages are newer there.",
                count,
            ) % {**words, "count": count}
        return gettext("Your router is up to date: nothing is newer than %(old)s.") % words

    @property
    def notes(self) -> list[str]:
        """What else has to be known, each a sentence."""
        verdict, notes = self.verdict, []
        if dropped := verdict.dropped:
            words = {"newest": dropped.newest, "with": dropped.newest_with, "target": verdict.target}
            if dropped.is_whole_target:
                text = gettext(
                    "%(newest)s does not have the target %(target)s any more; %(with)s is the last that does."
                )
            else:
                text = gettext("%(newest)s does not have this device any more; %(with)s is the last that does.")
            notes.append(text % words)
        if verdict.distribution != self.question.device.distribution:
            words = {"old": self.question.device.distribution, "new": self.title}
            notes.append(gettext("%(old)s goes on as %(new)s.") % words)
        if verdict.is_newer and not self.is_other_release and not self.question.device.revision:
            notes.append(gettext("Whether it was built anew cannot be told: the revision of your router is not known."))
        return notes

    # -- packages -------------------------------------------------------------------------------------------

    @cached_property
    def changes(self) -> list[dict[str, Any]]:
        """What became of packages on the way."""
        return [
            {
                "kind": applied.change.kind,
                "label": _KINDS.get(Kind(applied.change.kind), applied.change.kind),
                "sources": applied.sources,
                "targets": applied.targets,
                "where": applied.change.where,
                "why": visible(applied.change.why),
            }
            for applied in self.verdict.changes
        ]

    @property
    def other_branches(self) -> list[str]:
        """Where it could go besides."""
        return [version for version in self.verdict.newer_channels if version != self.verdict.version]

    @property
    def updates(self) -> list[tuple[str, str, str]]:
        """Name, installed and new version."""
        return [(name, old, new) for name, (new, old) in sorted(self.verdict.updates.items())]

    @property
    def missing(self) -> list[tuple[str, str]]:
        """What is left out: name and why."""
        return sorted(self.verdict.missing.items())

    @cached_property
    def kept(self) -> list[str]:
        """What stays as it is, under its name."""
        others = {*self.verdict.updates, *self.verdict.added}
        others |= {name for applied in self.verdict.changes for name in applied.targets}
        return sorted(name for name in self.verdict.packages or () if name not in others and name[:1] != "-")

    @property
    def has_packages(self) -> bool:
        """Whether the device told any."""
        return self.verdict.packages is not None

    @property
    def may_build(self) -> bool:
        """Whether an image can be asked for right here."""
        return bool(self.verdict.profile)

    @property
    def filesystem(self) -> str:
        """The root file system to stay with."""
        return self.question.filesystem

    @cached_property
    def words(self) -> list[str]:
        """The packages on top of the defaults, `-name` for what goes."""
        return in_words(self.verdict, self.viewer)

    # -- where to go on -------------------------------------------------------------------------------------

    @property
    def choose_link(self) -> str:
        """To change the packages before it is built."""
        verdict = self.verdict
        where = verdict.distribution, verdict.target, verdict.profile, verdict.version
        return device_links.choose(*where, self.words, filesystem=self.filesystem)

    @property
    def device_link(self) -> str:
        """All about the device."""
        return device_links.device(self.verdict.distribution, self.verdict.target, self.verdict.profile)

    @property
    def feed_link(self) -> str:
        """News for it, for feed readers."""
        return device_links.news(*self._subject, self._told_words)

    @property
    def webhook_link(self) -> str:
        """News for it, for programs."""
        told = self.question.device.packages or {}
        packages = " ".join(f"{name}={told[name]}" if told.get(name) else name for name in self._told_words)
        return device_links.webhook(*self._subject, packages, revision=self.question.device.revision)

    @property
    def _subject(self) -> tuple[str, str, str, str]:
        device = self.question.device
        return device.distribution, device.target, self.verdict.profile or device.profile, device.version

    @property
    def _told_words(self) -> list[str]:
        """What was chosen, by the names that the router has for it."""
        new = {name for applied in self.verdict.changes for name in applied.targets} | set(self.verdict.added)
        kept = [word for word in self.words if word[:1] != "-" and word not in new]
        old = [name for applied in self.verdict.changes for name in applied.sources]
        return list(dict.fromkeys((*kept, *old, *self.verdict.missing)))[:_MOST_IN_LINK]

    @property
    def asu_command(self) -> str:
        """The same in a terminal."""
        verdict = self.verdict
        where = f"--version {verdict.version} --target {verdict.target} --profile {verdict.profile}"
        packages = " ".join(f"--remove {word[1:]}" if word[:1] == "-" else f"-p {word}" for word in self.words)
        return f"asu build --server {self.base}/{verdict.distribution} {where} {packages}".strip()

    @property
    def owut_command(self) -> str:
        """The same on the router."""
        address = f"uci set attendedsysupgrade.server.url={self.base}/{self.verdict.distribution}"
        return f"{address}; uci commit attendedsysupgrade\nowut upgrade --version-to {self.verdict.version}"
