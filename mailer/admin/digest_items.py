"""The items that wait for a digest, on its page: add one, move one, hide one, bring one back."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils import timezone
from django.views.decorators.http import require_POST

from mailer.admin.base import View
from mailer.admin.columns import list_of, page_of
from mailer.admin.letters import LetterPages
from mailer.insight.upcoming import waiting_for
from mailer.models import Digest, DigestItem
from mailer.scheduling.arranging import arrange, move

ADD, CHANGE = "mailer.add_digestitem", "mailer.change_digestitem"
#: Where on the digest's page the items are.
ANCHOR = "waiting"


class QuickItemForm(forms.ModelForm):  # type: ignore[type-arg]
    """The few fields that an item needs."""

    published_at = forms.DateTimeField(
        label="From",
        required=False,
        input_formats=["%Y-%m-%dT%H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "class": "post-input"}),
    )

    class Meta:
        model = DigestItem
        fields = ("title", "url", "summary", "published_at")
        widgets = {
            "title": forms.TextInput(attrs={"class": "post-input"}),
            "url": forms.URLInput(attrs={"class": "post-input", "placeholder": "https://"}),
            "summary": forms.Textarea(attrs={"class": "post-input", "rows": 2}),
        }

    def clean_published_at(self) -> Any:
        """Now, where nothing is said."""
        return self.cleaned_data["published_at"] or timezone.now()


class ItemsOfDigest(LetterPages[Digest]):
    """The part of a digest's pages that is about its items; each change comes back to where it was made."""

    class Media:
        js = (forms.Script("admin/mailer/arrange.js", defer=True),)

    def get_urls(self) -> list[URLPattern]:
        """Add, arrange and hide beside the usual addresses."""
        views: dict[str, View] = {
            "additem": require_POST(self.add_item_view),
            "arrange": require_POST(self.arrange_view),
            "hide": require_POST(self.hide_view),
        }
        return [*self.own_urls(views), *super().get_urls()]

    def add_item_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new item of the digest's list; what is wrong with it is said beside what was typed."""
        digest = self._subject(request, pk)
        if not request.user.has_perm(ADD):
            raise PermissionDenied
        form = QuickItemForm(request.POST, instance=DigestItem(list=digest.list), auto_id="quick_%s")
        if form.is_valid():
            item = form.save()
            self.log_change(request, digest, f"Added the item “{item}”.")
            return self._back(digest)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Add an item to {digest.list}",
            "opts": self.opts,
            "digest": digest,
            "zone": timezone.get_current_timezone_name(),
            "quick": form,
            "back": page_of(digest),
        }
        return TemplateResponse(request, "admin/mailer/digest_item_add.html", context, status=422)

    def arrange_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """`item` and `by` move one up (-1) or down (1); `order`, ids with commas, says where all of them go."""
        digest, now = self._subject(request, pk), timezone.now()
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        said = request.POST
        if "order" in said:
            arrange(digest, [number for text in said["order"].split(",") if (number := _number(text))], now)
        else:
            move(digest, _number(said.get("item", "")), -1 if said.get("by") == "-1" else 1, now)
        self.log_change(request, digest, "Put its items into another order.")
        return self._back(digest)

    def hide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """`item` is hidden, or with `hidden=no` comes back."""
        digest = self._subject(request, pk)
        if not request.user.has_perm(CHANGE):
            raise PermissionDenied
        item = DigestItem.objects.filter(pk=_number(request.POST.get("item", "")), list=digest.list_id).first()
        if item is None:
            raise Http404("There is no such item on this list.")
        item.is_hidden = request.POST.get("hidden") != "no"
        item.save(update_fields=["is_hidden"])
        self.log_change(request, digest, f"{'Hid' if item.is_hidden else 'Brought back'} the item “{item}”.")
        return self._back(digest)

    def items_story(self, request: HttpRequest, digest: Digest) -> dict[str, Any]:
        """What `digest_items.html` shows."""
        return {
            "waiting": waiting_for(digest, timezone.now()),
            "zone": timezone.get_current_timezone_name(),
            "quick": QuickItemForm(auto_id="quick_%s"),
            "may_add_items": request.user.has_perm(ADD),
            "may_change_items": request.user.has_perm(CHANGE),
            "items_url": list_of(DigestItem, f"list__id__exact={digest.list_id}"),
        }

    def _back(self, digest: Digest) -> HttpResponse:
        return HttpResponseRedirect(f"{page_of(digest)}#{ANCHOR}")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 19 else 0
