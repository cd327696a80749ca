"""Trying a mirror out, one step after the other, and saying of each what was found: for maintainers, before a sync.

Nothing is stored. The mirror has little patience: seconds for each document, and no second try.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.models import F

from packages import names
from packages.addresses import check_url
from packages.exceptions import MirrorError, NotOnMirrorError, SignatureError
from packages.key_names import fingerprint
from packages.models import Distribution, Target
from packages.parsing import apk, archive_names, opkg, profiles, sums
from packages.parsing import versions as documents
from packages.signatures import signer_number, verify_gpg, verify_usign
from packages.sync.indexes import ADB, PACKED, PLAIN
from packages.sync.releases import NO_TARGETS, TARGETS
from packages.sync.targets import PROFILES, SUMS
from packages.sync.trust import signature_of
from packages.upstream import Mirror, gunzip
from packages.versions import SNAPSHOT, channel_of, is_pre_release, newest_first

SECONDS = 6.0  # for an answer to begin
VERSIONS = ".versions.json"
MAX_INDEX = 64 * 1024 * 1024  # bytes, unpacked


class Outcome(StrEnum):
    """How a step went."""

    GOOD = "good"
    NOTE = "note"  # it works, and a maintainer should know
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Key:
    """A public key that the mirror should sign with."""

    kind: str  # usign | gpg | apk
    text: str
    comment: str = ""

    def __str__(self) -> str:
        known = fingerprint(self.kind, self.text)
        return f"{self.kind} key {known}" + (f" ({self.comment})" if self.comment else "")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was tried."""

    name: str
    outcome: Outcome
    sentence: str
    address: str = ""


@dataclass(slots=True)
class Finding:
    """All that was tried, and what the mirror has."""

    url: str
    steps: list[Step] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)  # newest first
    stable: str = ""
    has_documents: bool = False  # .versions.json and the like, else by its listings

    @property
    def is_good(self) -> bool:
        """Whether a sync would work, as far as was tried."""
        return all(step.outcome != Outcome.BAD for step in self.steps)


class _StopError(Exception):
    """What comes next needs what failed."""


def probe(url: str, keys: Iterable[Key] = (), *, path_of: Callable[[str], str] | None = None) -> Finding:
    """Try the mirror at this address. `path_of`: where a release is, `releases/24.10.2` unless told."""
    trial = _Trial(url, list(keys), path_of or _usual_path)
    with suppress(_StopError):
        trial.run()
    return trial.found


def probe_distribution(row: Distribution, url: str = "") -> Finding:
    """The mirror of a distribution under its pinned keys, at another address if one is given.

    Of a flavour: the mirror that its ImageBuilders come from, and then its own feeds.
    """
    if row.built_on is not None:
        found = probe_distribution(row.built_on)
        found.url = url or row.url
        _probe_feeds(row, found)
        return found
    paths = dict(row.channels.values_list("name", "path"))

    def path_of(version: str) -> str:
        return paths.get(channel_of(version), _usual_path(version)).replace("{version}", version)

    return probe(url or row.url, _keys_of(row), path_of=path_of)


def _keys_of(row: Distribution) -> list[Key]:
    pinned = row.keys.filter(is_enabled=True).order_by("id")
    return [Key(key.kind, key.text, key.comment) for key in pinned]


def _probe_feeds(flavour: Distribution, found: Finding) -> None:
    """Those of one target of each series, the newest release first."""
    rows = Target.objects.filter(release__distribution=flavour, release__is_enabled=True, is_enabled=True)
    rows = rows.exclude(arch_packages="").select_related("release__series", "release__built_on__channel")
    order = (F("synced_at").desc(nulls_last=True), "-release_id", "name")
    for series in flavour.series.filter(is_enabled=True):
        target = rows.filter(release__series=series).order_by(*order).first()
        if target is None:
            sentence = f"No target of series {series.name} is known yet: sync it, then try again."
            found.steps.append(Step("Feeds", Outcome.NOTE, sentence))
            continue
        for feed in series.feeds.all():
            trial = _Trial(found.url, _keys_of(flavour), _usual_path)
            trial.found = found
            with suppress(_StopError, ValueError):
                trial.feed(Mirror(found.url, hurry=SECONDS), feed.path_for(target), is_optional=feed.is_optional)


def _usual_path(version: str) -> str:
    return "snapshots" if version == SNAPSHOT else f"releases/{version}"


class _Trial:
    """The steps in their order; each leaves what the next needs."""

    def __init__(self, url: str, keys: list[Key], path_of: Callable[[str], str]) -> None:
        self.found = Finding(url)
        self.keys, self.path_of = keys, path_of

    def run(self) -> None:
        mirror = self._reach()
        version = self._versions(mirror)
        target = self._targets(mirror, version)
        folder = f"{self.path_of(version)}/{target}"
        known = self._sums(mirror, folder)
        self._profiles(mirror, folder, known)
        self._archive(mirror, folder, known, version, target.partition("/")[2])
        without = "This target has no package index of its own."
        self._index(mirror, f"{folder}/packages", "Packages", Outcome.NOTE, without)

    def _say(self, name: str, outcome: Outcome, sentence: str, path: str = "") -> None:
        address = f"{self.found.url.rstrip('/')}/{path}" if path else ""
        self.found.steps.append(Step(name, outcome, sentence, address))

    def _fail(self, name: str, error: Exception | str, path: str = "") -> _StopError:
        self._say(name, Outcome.BAD, str(error), path)
        return _StopError()

    # -- steps -----------------------------------------------------------------------------------------------

    def _reach(self) -> Mirror:
        try:
            mirror = Mirror(check_url(self.found.url), hurry=SECONDS)
        except ValueError as error:
            raise self._fail("Address", str(error)) from error
        try:
            is_there = any(mirror.exists(path) for path in (VERSIONS, "releases/", "snapshots/targets/"))
        except MirrorError as error:
            raise self._fail("Reach", error) from error
        if not is_there:
            sentence = f"It answers, and has neither {VERSIONS} nor releases/. Is this the root of the mirror?"
            raise self._fail("Reach", sentence, VERSIONS)
        self._say("Reach", Outcome.GOOD, "The mirror answers.")
        return mirror

    def _versions(self, mirror: Mirror) -> str:
        try:
            document = mirror.get(VERSIONS)
        except NotOnMirrorError:
            return self._listed_versions(mirror)
        except MirrorError as error:
            raise self._fail("Releases", error, VERSIONS) from error
        assert document is not None, "nothing conditional was asked"
        try:
            parsed = documents.parse_versions(document.data)
        except MirrorError as error:
            raise self._fail("Releases", error, VERSIONS) from error
        self.found.has_documents, self.found.stable = True, parsed.stable
        return self._choose(parsed.versions, VERSIONS)

    def _listed_versions(self, mirror: Mirror) -> str:
        try:
            folders = mirror.listing("releases/")
        except NotOnMirrorError:
            folders = []
        except MirrorError as error:
            raise self._fail("Releases", error, "releases/") from error
        found = [name[:-1] for name in folders if name.endswith("/") and name[0].isdigit()]
        return self._choose([name for name in found if names.VERSION.fullmatch(name)], "releases/")

    def _choose(self, versions: list[str], path: str) -> str:
        """The release that the other steps look at: the stable one, else the newest that is finished."""
        self.found.versions = newest_first(versions)
        if not versions:
            self._say("Releases", Outcome.NOTE, "It names no release; the development branch is tried.", path)
            return SNAPSHOT
        finished = [name for name in self.found.versions if not is_pre_release(name)]
        best = self.found.stable if self.found.stable in versions else (finished or self.found.versions)[0]
        count = len(versions)
        sentence = f"{count} release{'' if count == 1 else 's'}, the newest {self.found.versions[0]}."
        if path != VERSIONS:
            sentence += f" There is no {VERSIONS}, so this is by the listing, which tells no stable one."
        elif self.found.stable:
            sentence += f" Stable: {self.found.stable}."
        self._say("Releases", Outcome.GOOD, sentence, path)
        return best

    def _targets(self, mirror: Mirror, version: str) -> str:
        """The folder of the first target, below that of the release."""
        path = f"{self.path_of(version)}/{TARGETS}"
        try:
            document = mirror.get(path)
            assert document is not None, "nothing conditional was asked"
            found = sorted(documents.parse_targets(document.data, path))
        except NotOnMirrorError:
            path = f"{self.path_of(version)}/targets/"
            found = self._listed_targets(mirror, path)
        except MirrorError as error:
            raise self._fail("Targets", error, path) from error
        if not found:
            raise self._fail("Targets", f"{version} has no target there.", path)
        count = len(found)
        self._say("Targets", Outcome.GOOD, f"{count} target{'' if count == 1 else 's'} in {version}.", path)
        return f"targets/{found[0]}"

    def _listed_targets(self, mirror: Mirror, path: str) -> list[str]:
        """One is enough: a mirror with listings is asked for two folders, not for all."""
        try:
            for outer in mirror.listing(path):
                if outer.endswith("/") and outer[:-1] not in NO_TARGETS:
                    inner = [name[:-1] for name in mirror.listing(f"{path}{outer}") if name.endswith("/")]
                    if inner:
                        return [f"{outer}{name}" for name in inner]
        except MirrorError as error:
            raise self._fail("Targets", error, path) from error
        return []

    def _sums(self, mirror: Mirror, folder: str) -> dict[str, str]:
        path = f"{folder}/{SUMS}"
        pinned = [key for key in self.keys if key.kind in ("usign", "gpg")]
        try:
            document = mirror.get(path)
            assert document is not None, "nothing conditional was asked"
            known = sums.parse(document.data, path)
        except NotOnMirrorError as error:
            if pinned:
                raise self._fail("Signature", f"There is no {SUMS}, though keys are pinned.", path) from error
            self._say("Signature", Outcome.NOTE, f"There is no {SUMS}: the ImageBuilder is taken as it is.", path)
            return {}
        except MirrorError as error:
            raise self._fail("Signature", error, path) from error
        try:
            self._say("Signature", *self._who_signed(mirror, path, document.data, pinned), path)
        except MirrorError as error:
            raise self._fail("Signature", error, path) from error
        return known

    def _who_signed(self, mirror: Mirror, path: str, data: bytes, pinned: list[Key]) -> tuple[Outcome, str]:
        usign, gpg = signature_of(mirror, f"{path}.sig"), signature_of(mirror, f"{path}.asc")
        if not pinned:
            there = f"It is signed by usign key {_number(usign)}. " if usign else ""
            return (
                Outcome.NOTE,
                f"{there}No usign or OpenPGP key is pinned, so what the mirror sends is taken unsigned.",
            )
        if usign is None and gpg is None:
            raise SignatureError("The sums are not signed, though keys are pinned.")
        for key in pinned:
            if _is_by(key, data, usign, gpg):
                return Outcome.GOOD, f"The sums are signed by the {key}."
        ours = ", ".join(map(str, pinned))
        signer = f" It is by usign key {_number(usign)}." if usign else ""
        raise SignatureError(f"The signature of the sums is good under none of the pinned keys ({ours}).{signer}")

    def _profiles(self, mirror: Mirror, folder: str, known: dict[str, str]) -> None:
        path = f"{folder}/{PROFILES}"
        try:
            document = mirror.get(path)
            assert document is not None, "nothing conditional was asked"
            parsed = profiles.parse(document.data, path)
        except NotOnMirrorError:
            sentence = (
                f"There is no {PROFILES}, as before 19.07: the ImageBuilder is asked when somebody wants an image."
            )
            self._say("Devices", Outcome.NOTE, sentence, path)
            return
        except MirrorError as error:
            raise self._fail("Devices", error, path) from error
        digest = hashlib.sha256(document.data).hexdigest()
        if known.get(PROFILES, digest) != digest:
            sentence = f"Not the file that {SUMS} names; the mirror may be in the middle of an update."
            raise self._fail("Devices", sentence, path)
        count = len(parsed.profiles)
        sentence = f"{count} device{'' if count == 1 else 's'}, revision {parsed.version_code or 'unknown'}."
        self._say("Devices", Outcome.GOOD, sentence, path)

    def _archive(self, mirror: Mirror, folder: str, known: dict[str, str], version: str, target: str) -> None:
        try:
            offered = list(known) or mirror.listing(f"{folder}/")
        except MirrorError:
            offered = []
        name = archive_names.find(offered, version, target)
        if name is None:
            sentence = "This target has none, so no image can be built of it. Others may have one."
            self._say("ImageBuilder", Outcome.NOTE, sentence, f"{folder}/")
        else:
            self._say("ImageBuilder", Outcome.GOOD, f"{name} is there.", f"{folder}/{name}")

    def feed(self, mirror: Mirror, path: str, *, is_optional: bool) -> None:
        """A feed of a flavour, on its own."""
        outcome = Outcome.NOTE if is_optional else Outcome.BAD
        self._index(mirror, path, "Feeds", outcome, "The mirror has no package index there.")

    def _index(self, mirror: Mirror, path: str, step: str, without: Outcome, sentence_without: str) -> None:
        for name, read in ((PACKED, self._opkg), (PLAIN, self._opkg), (ADB, self._apk)):
            try:
                document = mirror.get(f"{path}/{name}")
                assert document is not None, "nothing conditional was asked"
                outcome, sentence = read(mirror, f"{path}/{name}", document.data)
            except NotOnMirrorError:
                continue
            except MirrorError as error:
                raise self._fail(step, error, f"{path}/{name}") from error
            self._say(step, outcome, sentence, f"{path}/{name}")
            return
        self._say(step, without, sentence_without, f"{path}/")

    def _opkg(self, mirror: Mirror, path: str, data: bytes) -> tuple[Outcome, str]:
        place = path.removesuffix(".gz")
        text = gunzip(data, MAX_INDEX, name=path) if path.endswith(".gz") else data
        count = len(opkg.parse(text, place))
        usign = [key for key in self.keys if key.kind == "usign"]
        if not usign:
            return Outcome.NOTE, f"{count} packages for opkg. No usign key is pinned, so the index is taken unsigned."
        signature = signature_of(mirror, f"{place}.sig")
        if signature is None:
            return Outcome.NOTE, f"{count} packages for opkg; the index is not signed itself, its sum has to stand in."
        for key in usign:
            if _is_by(key, text, signature, None):
                return Outcome.GOOD, f"{count} packages for opkg, signed by the {key}."
        raise SignatureError(f"The index is signed by usign key {_number(signature)}, which is not pinned.")

    def _apk(self, mirror: Mirror, path: str, data: bytes) -> tuple[Outcome, str]:
        pem = [key for key in self.keys if key.kind == "apk"]
        if not pem:
            count = len(apk.parse(data, path))
            return Outcome.NOTE, f"{count} packages for apk. No apk key is pinned, so the index is taken unsigned."
        count = len(apk.parse(data, path, keys=[key.text for key in pem]))
        return Outcome.GOOD, f"{count} packages for apk, signed by a pinned key."


def _is_by(key: Key, data: bytes, usign: bytes | None, gpg: bytes | None) -> bool:
    try:
        if key.kind == "usign" and usign is not None:
            verify_usign(data, usign, [key.text])
            return True
        if key.kind == "gpg" and gpg is not None:
            verify_gpg(data, gpg, [key.text])
            return True
    except SignatureError:
        pass
    return False


def _number(signature: bytes | None) -> str:
    try:
        return signer_number(signature or b"")
    except SignatureError:
        return "(unreadable)"
