"""What is newer for a device: `look(Device(...))` answers with a `Verdict`.

A release of its channel (or of the distribution), else newer packages of the one it runs; which packages the new image
needs when some were renamed, merged, split, dropped or made default since; and why.
"""

from packages.upgrades.devices import Device, Dropped, Reach, Verdict
from packages.upgrades.look import look
from packages.upgrades.wishes import is_absolute

__all__ = ["Device", "Dropped", "Reach", "Verdict", "is_absolute", "look"]
