"""The state hash of targets: one word for all that a build of them reads."""

import hashlib
import json
from collections.abc import Iterable

from packages.models import Feed, Target
from packages.sync.run import announce_change


def refresh_state(target: Target) -> bool:
    """Compute `state_hash` anew and save it if it changed; True if it did."""
    feeds = sorted(target.feeds.values_list("name", "kind", "index_sha256"))
    state = [target.imagebuilder_sha256, target.version_code, target.etags.get("profiles_sha256", ""), feeds]
    text = json.dumps(state, separators=(",", ":"))
    state_hash = hashlib.sha256(text.encode()).hexdigest()
    if state_hash == target.state_hash:
        return False
    target.state_hash = state_hash
    target.save(update_fields=["state_hash"])
    announce_change()
    return True


def refresh_states(feeds: Iterable[Feed]) -> list[Target]:
    """The same for every target that uses one of the feeds; those whose state moved."""
    targets = Target.objects.filter(feeds__in=list(feeds)).select_related("release").distinct()
    return [target for target in targets if refresh_state(target)]
