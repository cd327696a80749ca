"""What a list of the backoffice says while there is nothing in it: where its rows come from, or what to do first."""

from django.utils.translation import gettext_lazy as _

_SYNC = _("Syncs read them from the mirrors of distributions.")
_ASKED = _("They come when somebody asks for an image.")
# Told to everybody, and to who may add a row.
SENTENCES = {
    "packages.syncrun": _(
        "There is one whenever a distribution is read: by the schedule, or with Sync now on its page."
    ),
    "packages.channel": _SYNC,
    "packages.release": _SYNC,
    "packages.target": _SYNC,
    "packages.listeddevice": _SYNC,
    "packages.profile": _("The documents of a target are read when somebody asks for it, or with Sync all targets."),
    "packages.feed": _("The feeds of a target are read with its documents, when somebody asks for it."),
    "packages.package": _("The packages of a target are read with its documents, when somebody asks for it."),
    "packages.packagechange": _(
        "Suggestions shows what vanished between two releases; distributions known by name bring theirs."
    ),
    "packages.allowedrepository": _("Requests may name no repositories of their own before one is allowed."),
    "packages.distributionkey": _("Without keys what mirrors send is taken unsigned."),
    "packages.series": _("Series are of flavours, which bring packages to the releases of another distribution."),
    "packages.flashlimit": _("Mirrors name them, or they are learnt from builds that were too big."),
    "packages.signintrouble": _("Nobody failed to sign in lately."),
    "images.image": _("They come when a build is done."),
    "images.imagefile": _("They come when a build is done."),
    "images.imagerequest": _ASKED,
    "builders.build": _ASKED,
    "builders.attempt": _("There is one whenever a worker takes a build."),
    "builders.worker": _("Those of this machine start with the first build."),
    "builders.imagebuilder": _("One is fetched with the first build for its target."),
    "stats.dailycount": _("The first requests and downloads begin the counting."),
    "news.subscription": _("People make them on the page of a device, where webhooks are switched on."),
    "news.delivery": _("There is one for each call to a webhook."),
}
TO_DO = {
    "packages.distribution": _("Add one: OpenWrt and others are known by name, one click each."),
    "packages.networkprofile": _(
        "Add one: files and packages of a community that people may have built into their images."
    ),
    "packages.organisation": _("Add one to make a distribution or network profiles private to its members."),
    "images.clienttoken": _("Add one for whoever asks for many images, or for what is private to an organisation."),
    "builders.jointoken": _("Add one for each machine that shall join without waiting for approval."),
    "stats.incident": _("Add one to tell people about a disturbance: it is shown on all pages while it lasts."),
}
