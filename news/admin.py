"""The maintainer's view of webhooks and their calls: to look at, to suspend, to call again, to delete."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from builders.shown import visible
from news import subscribing
from news.models import Delivery, Subscription
from packages.admin import ReadOnly

_LOOKS = {
    Subscription.State.UNCONFIRMED: "wait",
    Subscription.State.ACTIVE: "good",
    Subscription.State.PAUSED: "quiet",
    Subscription.State.SUSPENDED: "bad",
    Subscription.State.ENDED: "quiet",
}


def _two(text: str, under: str) -> SafeString:
    return format_html('{}<span class="farm-under">{}</span>', visible(text), visible(under))


class _Acting(ReadOnly):
    """Rows that nobody edits, and actions for who may change them."""

    def has_act_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("news.change_subscription")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return request.user.has_perm("news.delete_subscription")


@admin.register(Subscription)
class SubscriptionAdmin(_Acting, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("device", "where", "standing", "created_at", "delivered_at")
    list_filter = ("state", "distribution", "organisation")
    list_select_related = ("organisation",)
    search_fields = ("url", "profile", "target")
    show_full_result_count = False
    actions = ("suspend", "resume")
    fields = (
        *("url", "state", "why", "organisation", "distribution", "version", "revision", "target", "profile"),
        *("packages", "reach", "created_at", "confirmed_at", "delivered_at", "looked_at"),
    )

    class Media:
        css = {"all": ["admin-farm.css"]}

    @admin.display(description=_("device"), ordering="profile")
    def device(self, row: Subscription) -> SafeString:
        return _two(row.profile, f"{row.distribution} {row.version} {row.target}")

    @admin.display(description=_("address"), ordering="url")
    def where(self, row: Subscription) -> str:
        return visible(row.url)

    @admin.display(description=_("state"), ordering="state")
    def standing(self, row: Subscription) -> SafeString:
        badge = format_html(
            '<span class="farm-badge is-{}">{}</span>', _LOOKS[Subscription.State(row.state)], row.get_state_display()
        )
        return format_html('{}<span class="farm-under">{}</span>', badge, visible(row.why))

    @admin.action(description=_("Suspend: call it no more until its owner resumes it"), permissions=["act"])
    def suspend(self, request: HttpRequest, rows: QuerySet[Subscription]) -> None:
        count = subscribing.suspend(rows, "A maintainer of this server suspended it.")
        self.message_user(request, gettext("Suspended: %(count)d.") % {"count": count})

    @admin.action(description=_("Resume"), permissions=["act"])
    def resume(self, request: HttpRequest, rows: QuerySet[Subscription]) -> None:
        for row in rows:
            subscribing.resume(row)
        self.message_user(request, gettext("Resumed."))


@admin.register(Delivery)
class DeliveryAdmin(_Acting, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("call", "webhook", "created_at", "outcome", "tries", "next_try_at")
    list_filter = ("event", ("delivered_at", admin.EmptyFieldListFilter))
    list_select_related = ("subscription",)
    search_fields = ("=delivery_id", "subscription__url")
    show_full_result_count = False
    actions = ("send_again",)
    fields = (
        *("delivery_id", "subscription", "event", "created_at", "tries", "tried_at", "next_try_at"),
        *("delivered_at", "status", "said", "body"),
    )

    class Media:
        css = {"all": ["admin-farm.css"]}

    @admin.display(description=_("call"), ordering="event")
    def call(self, row: Delivery) -> SafeString:
        return _two(row.get_event_display(), f"{str(row.delivery_id)[:8]}…")

    @admin.display(description=_("webhook"))
    def webhook(self, row: Delivery) -> SafeString:
        return _two(row.subscription.profile, row.subscription.url)

    @admin.display(description=_("outcome"))
    def outcome(self, row: Delivery) -> SafeString:
        if row.delivered_at is not None:
            look, word = "good", gettext("delivered")
        elif row.next_try_at is not None:
            look, word = "wait", gettext("waits for its turn") if row.tries == 0 else gettext("is tried again")
        else:
            look, word = "bad", gettext("not delivered")
        said = visible(" ".join(filter(None, (str(row.status or ""), row.said))))
        return format_html(
            '<span class="farm-badge is-{}">{}</span><span class="farm-under">{}</span>', look, word, said
        )

    @admin.action(description=_("Send again, under the same id"), permissions=["act"])
    def send_again(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        self.message_user(request, gettext("Queued: %(count)d.") % {"count": subscribing.send_again(rows)})
