"""What a list of the backoffice says while there is nothing in it: where its rows come from, or what to do first."""

from django.utils.translation import gettext_lazy as _

_SYNC = _("Syncs read them from the mirrors of distributions: add a distribution first.")
_ASKED = _("They come when somebody asks for an image.")
SENTENCES = {
    "packages.distribution": _("Add one: OpenWrt and others are known by name, one click each."),
    "packages.syncrun": _("Add a distribution and press Sync now on its page."),
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
    "packages.networkprofile": _(
        "Add one: files and packages of a community that people may have built into their images."
    ),
    "packages.allowedrepository": _("Requests may name no repositories of their own. Add one to allow it."),
    "packages.distributionkey": _(
        "Without keys what mirrors send is taken unsigned. Add those that the distributions publish."
    ),
    "packages.series": _("Series are of flavours, which bring packages to the releases of another distribution."),
    "packages.flashlimit": _("Mirrors name them, or they are learnt from builds that were too big."),
    "packages.organisation": _("Add one to make a distribution or network profiles private to its members."),
    "packages.signintrouble": _("Nobody failed to sign in lately."),
    "images.clienttoken": _("Add one for whoever asks for many images, or for what is private to an organisation."),
    "images.image": _("They come when a build is done."),
    "images.imagefile": _("They come when a build is done."),
    "images.imagerequest": _ASKED,
    "builders.build": _ASKED,
    "builders.attempt": _("There is one whenever a worker takes a build."),
    "builders.worker": _(
        "Those of this machine start with the first build; Add a worker tells how another machine joins."
    ),
    "builders.jointoken": _("Add one for each machine that shall join without waiting for approval."),
    "builders.imagebuilder": _("One is fetched with the first build for its target."),
    "stats.incident": _("Add one to tell people about a disturbance: it is shown on all pages while it lasts."),
    "stats.dailycount": _("The first requests and downloads begin the counting."),
    "news.subscription": _("People make them on the page of a device, where webhooks are switched on."),
    "news.delivery": _("There is one for each call to a webhook."),
}
