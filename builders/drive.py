"""Drives an ImageBuilder (`make image`, `manifest`, `info`) with checked words only, and decides what came of it.

make evaluates every variable twice more, whatever the argument list looks like: so each word is matched against its
pattern here again, at the last place before the program, whoever checked it before.
"""

import base64
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from builders import collect, contents, feeds, image_names, outcome, tree_facts
from builders.feeds import FeedSet
from builders.imagebuilder import Tree
from builders.runners.base import Outcome, Run, Runner, Say, silent
from builders.runners.workdir import WorkDir, remove_tree
from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Reason
from builders.tree_facts import TreeFacts
from builders.warmup import limits
from packages import names
from packages.parsing import manifest

OUT = "/out"
FILES = "/files"
DEFAULTS = "etc/uci-defaults/99-asu-defaults"
ROUNDS = 3  # fetches of packages that nobody foresaw, for one build

_PACKAGE_WORD = re.compile(rf"-?(?:{names.PACKAGE.pattern})")
_MANIFEST_LINE = re.compile(r"[A-Za-z0-9]\S* - \S+")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_EXTRA = re.compile(r"[0-9a-f]{12}")
_PATH = re.compile(r"(?:/[A-Za-z0-9._+-]+)+")

_OWN_COPY = re.compile(r"\brun-[0-9a-f]{16}/tree/")  # where a run without layers has its copy of the tree

# Before 17.01 an image came without manifest: opkg's own list is all there is, and it goes with the throw-away layer.
_WITH_STATUS = """
status="$1"; shift
make "$@"; code=$?
for list in build_dir/target-*/root-*/usr/lib/opkg/status; do
  if [ -f "$list" ]; then cp "$list" "$status"; fi
done
exit $code
"""


def build_image(
    spec: BuildSpec,
    tree: Tree,
    feed_set: FeedSet,
    runner: Runner,
    out: Path,
    go_on: Callable[[], bool] = lambda: True,
    say: Say = silent,
) -> BuildResult:
    """Build what `spec` says into `out`, which is emptied first. Raises BuildFailedError, log and command included.

    `say` gets the log while it grows, of every round, as clean of this machine's paths as the one that is kept.
    """
    facts = tree_facts.read(tree)
    _check_revision(spec, facts.revision)
    command = build_command(spec, facts)
    try:
        return _build(
            spec, tree, facts, feed_set, runner, out, command, go_on, lambda text: say(_public(text, tree, runner, out))
        )
    except BuildFailedError as error:
        error.build_cmd = error.build_cmd or command
        error.stdout, error.stderr = (_public(text, tree, runner, out) for text in (error.stdout, error.stderr))
        raise


def make_info(tree: Tree, runner: Runner, go_on: Callable[[], bool] = lambda: True) -> str:
    """What `make info` prints: target, default packages, profiles."""
    result = runner.run(Run(("make", "info"), tree.path, limits=limits()), go_on)
    if result.returncode != 0 or result.killed:
        raise outcome.classify(result.stdout, result.stderr, result.returncode, result.killed)
    return result.stdout


def make_manifest(
    spec: BuildSpec, tree: Tree, feed_set: FeedSet, runner: Runner, go_on: Callable[[], bool] = lambda: True
) -> dict[str, str]:
    """What an image would hold, package name -> version, without making it. Raises BuildFailedError.

    ImageBuilders have this from 18.06 on (UNSUPPORTED before), and leave ABI suffixes out of names from 21.02 on.
    """
    facts = tree_facts.read(tree)
    if not facts.has_target("manifest"):
        raise BuildFailedError(Reason.UNSUPPORTED, "The ImageBuilder of this release has no `make manifest`.")
    words = ["manifest", *_wish(spec), *(["STRIP_ABI=1"] if facts.knows("STRIP_ABI") else [])]
    run = Run(("make", *words), tree.path, read_only=feed_set.read_only, limits=limits())
    result = _run_until_complete(run, feed_set, runner, None, go_on)
    if result.killed or result.returncode != 0:
        raise outcome.classify(result.stdout, result.stderr, result.returncode, result.killed)
    # make may say things of its own between the lines.
    lines = [line for line in result.stdout.splitlines() if _MANIFEST_LINE.fullmatch(line)]
    return manifest.parse("\n".join(lines))


def build_command(spec: BuildSpec, facts: TreeFacts) -> list[str]:
    """What to type in the unpacked ImageBuilder to get the same image. Raises BuildFailedError(UNSUPPORTED)."""
    words = ["make", "image", *_wish(spec)]
    if spec.defaults or spec.files:
        words.append("FILES=files")
    if facts.knows("EXTRA_IMAGE_NAME"):
        words.append(f"EXTRA_IMAGE_NAME={_checked(_EXTRA, spec.hash()[:12], 'name')}")
    if spec.rootfs_size_mb is not None:
        _demand(facts, "ROOTFS_PARTSIZE", "cannot change the size of the root file system")
        words.append(f"ROOTFS_PARTSIZE={int(spec.rootfs_size_mb)}")
    if spec.disabled_services:
        _demand(facts, "DISABLED_SERVICES", "cannot disable services")
        services = sorted({_checked(_SERVICE, word, "service") for word in spec.disabled_services})
        words.append(f"DISABLED_SERVICES={' '.join(services)}")
    return words


def _wish(spec: BuildSpec) -> list[str]:
    """Device and packages. Sorted: their order is no part of a build's identity, so it must not show in its bytes."""
    profile = _checked(names.PROFILE, spec.profile, "profile")
    packages = sorted({_checked(_PACKAGE_WORD, word, "package") for word in spec.packages})
    return [f"PROFILE={profile}", f"PACKAGES={' '.join(packages)}"]


def _checked(pattern: re.Pattern[str], word: str, what: str) -> str:
    if not pattern.fullmatch(word):
        raise BuildFailedError(Reason.CRASH, f"The {what} {word[:64]!a} has characters that are not allowed.")
    return word


def _demand(facts: TreeFacts, variable: str, lack: str) -> None:
    if not facts.knows(variable):
        raise BuildFailedError(
            Reason.UNSUPPORTED,
            f"The ImageBuilder of this release {lack} (it has no {variable}). Leave that out, or take a newer one.",
        )


def _check_revision(spec: BuildSpec, revision: str) -> None:
    if spec.version_code and revision and spec.version_code != revision:
        raise BuildFailedError(
            Reason.WRONG_VERSION_CODE,
            f"Received incorrect version {revision} (requested {spec.version_code})",
        )


# -- one build ---------------------------------------------------------------------------------------------


def _build(
    spec: BuildSpec,
    tree: Tree,
    facts: TreeFacts,
    feed_set: FeedSet,
    runner: Runner,
    out: Path,
    command: list[str],
    go_on: Callable[[], bool],
    on_output: Say,
) -> BuildResult:
    with _files_of(spec, facts) as files:
        run = replace(_run(spec, tree, facts, feed_set, runner, out, files, command), on_output=on_output)
        result = _run_until_complete(run, feed_set, runner, out, go_on)
    if result.killed or result.returncode != 0:
        raise outcome.classify(result.stdout, result.stderr, result.returncode, result.killed)
    collected = collect.collect(
        out, spec, full_names=feed_set.names, stdout=result.stdout, max_bytes=limits().disk_mb * 1024 * 1024
    )
    _check_collected(spec, collected, result, feed_set)
    if facts.writes_manifest and not collected.manifest:
        sentence = "The ImageBuilder did not say which packages are in the image. Try again, or take another release."
        raise BuildFailedError(Reason.CRASH, sentence, stdout=result.stdout, stderr=result.stderr)
    return BuildResult(
        files=collected.files,
        manifest=collected.manifest,
        profile_json=collected.profile_json,
        build_cmd=command,
        stdout=_public(result.stdout, tree, runner, out),
        stderr=_public(result.stderr, tree, runner, out),
        seconds=result.seconds,
        sandbox=runner.level,
        details=_details(collected, result, feed_set),
    )


def _run(
    spec: BuildSpec,
    tree: Tree,
    facts: TreeFacts,
    feed_set: FeedSet,
    runner: Runner,
    out: Path,
    files: Path | None,
    command: list[str],
) -> Run:
    out_path = _seen(runner, OUT, out)
    words = [word for word in command[1:] if not word.startswith("FILES=")]
    words.append(f"BIN_DIR={out_path}")
    read_only = dict(feed_set.read_only)
    if files is not None:
        words.append(f"FILES={_seen(runner, FILES, files)}")
        read_only[FILES] = files
    argv = ("make", *words)
    if not facts.writes_manifest:
        argv = ("sh", "-c", _WITH_STATUS, "sh", f"{out_path}/{collect.STATUS}", *words)
    env = {} if facts.source_date_epoch is not None else {"SOURCE_DATE_EPOCH": str(_epoch(spec, facts))}
    return Run(argv, tree.path, writable={OUT: out}, read_only=read_only, env=env, limits=limits())


def _epoch(spec: BuildSpec, facts: TreeFacts) -> int:
    """The time that images carry: never the wall clock."""
    for epoch in (facts.source_date_epoch, spec.source_date_epoch):
        if epoch is not None:
            return epoch
    return facts.made_at


def _seen(runner: Runner, inside: str, host: Path) -> str:
    """The absolute path that the program will use: it ends in a make variable, so it is checked like a word."""
    path = runner.visible(inside, host)
    if not _PATH.fullmatch(path):
        raise BuildFailedError(
            Reason.SANDBOX,
            "ASU_DATA_DIR has characters that an ImageBuilder cannot stand. Use letters, digits and '/'.",
        )
    return path


@contextmanager
def _files_of(spec: BuildSpec, facts: TreeFacts) -> Iterator[Path | None]:
    """What goes into the image, in a folder of its own, as FILES wants it: files, then the first-boot script."""
    if not spec.defaults and not spec.files:
        yield None
        return
    with WorkDir() as work:
        root = work.folder("files")
        for file in spec.files:
            _lay(root, file.path, base64.b64decode(file.content), file.mode)
        if spec.defaults:
            _lay(root, DEFAULTS, spec.defaults.encode("utf-8"), 0o644)
        # Innermost first: what is put into a folder would change its time.
        for path in (*sorted(root.rglob("*"), reverse=True), root):
            if path.is_dir():
                path.chmod(0o755)
            os.utime(path, (_epoch(spec, facts),) * 2)
        yield root


def _lay(root: Path, name: str, content: bytes, mode: int) -> None:
    """A new file below the root, whoever made up the name."""
    if not names.FILE_PATH.fullmatch(name) or {".", ".."} & set(name.split("/")):
        raise BuildFailedError(Reason.CRASH, f"The file {name[:64]!a} has a name that is not allowed.")
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)  # bytes, so that no line end is changed
    path.chmod(0o755 if mode & 0o100 else 0o644)


def _run_until_complete(
    run: Run, feed_set: FeedSet, runner: Runner, out: Path | None, go_on: Callable[[], bool]
) -> Outcome:
    """Run; when the ImageBuilder opened a package that nobody foresaw, fetch that and run again, `out` emptied."""
    seconds = 0.0
    for _ in range(ROUNDS):
        if out is not None:
            _empty(out)
        result = runner.run(run, go_on)
        seconds += result.seconds
        if result.returncode == 0 or result.killed:
            break
        missing = feeds.missing_packages(feed_set, f"{result.stdout}\n{result.stderr}")
        if not missing:
            break
        feeds.fetch_missing(feed_set, missing, go_on)
    return replace(result, seconds=seconds)


def _empty(out: Path) -> None:
    """A fresh folder for images: the ImageBuilder sums up whatever lies there."""
    out.mkdir(parents=True, exist_ok=True)
    for entry in out.iterdir():
        remove_tree(entry)


# -- what came of it ---------------------------------------------------------------------------------------


def _check_collected(spec: BuildSpec, collected: collect.Collected, result: Outcome, feed_set: FeedSet) -> None:
    if not _has_image(collected, result):
        raise outcome.classify(result.stdout, result.stderr, 0, images_found=False)
    _check_revision(spec, str(collected.profile_json.get("version_code", "")))
    held, provided = _held(collected.manifest, feed_set)
    asked = [word for word in spec.packages if not word.startswith("-")]
    refusal = outcome.refused_quietly(result.stdout, result.stderr, asked, dict.fromkeys(provided, "") | held)
    if refusal is not None:
        raise refusal
    what = contents.complaint(
        contents.requested(spec.packages) if collected.manifest else (),
        contents.expected(spec.packages, spec.default_packages),
        held,
        provided,
        feed_set.versions_of,
        feed_set.knows,
    )
    if what:
        wrong = contents.failure(what)
        wrong.stdout, wrong.stderr = result.stdout, result.stderr
        raise wrong


def _held(manifest: dict[str, str], feed_set: FeedSet) -> tuple[dict[str, str], set[str]]:
    """The packages in an image by every name they go by, with ABI suffix and without, and what they stand in for."""
    held = dict(manifest)
    for full_name, name in feed_set.names.items():
        if full_name in manifest:
            held.setdefault(name, manifest[full_name])
        elif name in manifest:
            held.setdefault(full_name, manifest[name])
    provided = {name for full_name in held for name in feed_set.provided.get(full_name, ())}
    return held, provided


def _has_image(collected: collect.Collected, result: Outcome) -> bool:
    """Old releases leave kernel and root file system behind even when no image fits the device."""
    if "profiles.json" not in collected.made:
        return bool(collected.images)
    kinds = [str(image["type"]) for image in collected.images]
    if any(image_names.is_whole(kind) for kind in kinds):
        return True
    too_big = outcome.mentions_too_big(f"{result.stdout}\n{result.stderr}")
    return not too_big and any(kind != "kernel" for kind in kinds)


def _details(collected: collect.Collected, result: Outcome, feed_set: FeedSet) -> dict[str, object]:
    return {
        "downloaded_bytes": feed_set.downloaded,
        "made_here": collected.made,
        "signatures_stripped": collected.stripped,
        "some_too_big": outcome.mentions_too_big(f"{result.stdout}\n{result.stderr}"),
    }


def _public(text: str, tree: Tree, runner: Runner, out: Path) -> str:
    """A log without the places of this machine, which a build without walls knows."""
    text = outcome.strip_paths(text, [str(tree.path), str(out), runner.visible(OUT, out), *feeds.host_roots()])
    return _OWN_COPY.sub("", text)
