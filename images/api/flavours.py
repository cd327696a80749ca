"""The branches of a flavour: its own, and those of its base as far as it is built on them.

A device that runs a flavour reports the version of the base, and clients look for the branch of that version: so each
release is listed under the base's name too, where its own is another. It is found under both (`packages.catalogue`).
"""

from typing import Any

from packages.models import Distribution, Release, Target
from packages.querysets import listed
from packages.versions import version_key

Branch = dict[str, Any]

# What is true of a branch whoever builds on it.
_SHARED = ("git_branch", "branch_off_rev")


def with_base(own: dict[str, Branch], flavour: Distribution, of_base: dict[str, Branch]) -> dict[str, Branch]:
    """`own` branches completed from those of the base, and the base's that are offered only under its names."""
    found: dict[str, Branch] = {}
    for name, targets in _targets_on(flavour).items():
        if name in of_base and name not in own:
            versions = sorted(targets, key=version_key, reverse=True)
            every = {target: arch for known in targets.values() for target, arch in known.items()}
            found[name] = {**of_base[name], "versions": versions, "targets": dict(sorted(every.items()))}
    base_of = dict(
        Release.objects.filter(distribution=flavour, built_on__isnull=False).values_list(
            "channel__name", "built_on__channel__name"
        )
    )
    for name, branch in own.items():
        shared = of_base.get(base_of.get(name, ""), {})
        inherited = {key: shared[key] for key in _SHARED if key in shared}
        changes = [*shared.get("package_changes", ()), *branch["package_changes"]]
        found[name] = {**branch, **inherited, "package_changes": changes}
    ordered = sorted(found.items(), key=lambda item: (item[1]["snapshot"], version_key(item[0])), reverse=True)
    return dict(ordered)


def _targets_on(flavour: Distribution) -> dict[str, dict[str, dict[str, str]]]:
    """The base's channel -> its version -> target -> architecture, of all that the flavour offers."""
    rows = Target.objects.filter(
        listed("release"), release__distribution=flavour, release__built_on__isnull=False, is_enabled=True
    )
    found: dict[str, dict[str, dict[str, str]]] = {}
    for channel, version, name, arch in rows.values_list(
        "release__built_on__channel__name", "release__built_on__version", "name", "arch_packages"
    ):
        found.setdefault(channel, {}).setdefault(version, {})[name] = arch
    return found
