"""What is newer for a device: `look(Device(...))` answers with a `Verdict`.

A release of its channel (or of the distribution), else newer packages of the one it runs; which packages the new image
needs when some were renamed, merged, split, dropped or made default since; and why.
"""

from packages.upgrades.devices import Device, Dropped, Reach, Verdict
from packages.upgrades.in_words import in_words
from packages.upgrades.lists import is_absolute
from packages.upgrades.look import look
from packages.upgrades.present import present_names

__all__ = ["Device", "Dropped", "Reach", "Verdict", "in_words", "is_absolute", "look", "present_names"]
