"""Live pages whose parts are templates of this app; what makes them live is `packages.admin.live`."""

from packages.admin import live
from packages.admin.live import SECONDS, Parts

__all__ = ["SECONDS", "LiveAdmin", "Parts"]


class LiveAdmin(live.LiveAdmin):
    """With its parts below `admin/builders/`."""

    parts_folder = "admin/builders"
