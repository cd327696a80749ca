"""The maintainer's view: what comes from mirrors is shown, what a maintainer decides can be changed.

`base`: what all have in common. The others: one subject each.
"""

from packages.admin import copies as copies
from packages.admin import distributions as distributions
from packages.admin import flavours as flavours
from packages.admin import keys as keys
from packages.admin import network_profiles as network_profiles
from packages.admin import package_changes as package_changes
from packages.admin import releases as releases
from packages.admin import repositories as repositories
from packages.admin import sync_runs as sync_runs
from packages.admin.base import Announcing, ReadOnly, Switchable, copy_state

__all__ = ["Announcing", "ReadOnly", "Switchable", "copy_state"]
