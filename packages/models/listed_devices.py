"""Devices as the list of a whole release names them."""

from django.db import models

from packages.models.releases import Release, first_title


class ListedDevice(models.Model):
    """A device that a release offers, by the mirror's `.overview.json`: there before anybody asked for its target.

    What the target's own documents tell of it is in `Profile`, once they were read. The devices of a flavour are those
    of its base, looked up there (`packages.device_index`).
    """

    release = models.ForeignKey(Release, models.CASCADE, related_name="listed_devices")
    target = models.CharField(max_length=130, help_text="<target>/<subtarget>")
    profile = models.CharField(max_length=128)
    titles = models.JSONField(default=list, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "target", "profile"], name="listed_device_once")]

    def __str__(self) -> str:
        return first_title(self.titles) or self.profile
