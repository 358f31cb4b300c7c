"""The form of a cluster: forgiving about how things are typed, exact about what is kept."""

import re
from typing import Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from servers.connection import ConnectionReport
from servers.endpoints import parse_endpoints
from servers.models import Cluster, TlsMode
from servers.proxmox.errors import SameCluster
from servers.tls import parse_authority, parse_fingerprint

TOKEN_ID: Final = re.compile(r"[^@!\s=]+@[^@!\s=]+![A-Za-z][A-Za-z0-9._-]+")


class ClusterForm(forms.ModelForm):
    """Endpoints one per line; the secret goes in and never comes out."""

    endpoints = forms.CharField(
        label=_("Endpoints"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_(
            "The addresses of its nodes, one per line, tried in order, e.g. https://pve1.example.org:8006. "
            "More than one lets the portal go on when a node is down."
        ),
    )
    token_secret = forms.CharField(
        label=_("API token secret"),
        required=False,
        strip=True,
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
    )

    report: ConnectionReport | None = None  # what the cluster answered, asked before the transaction of saving

    class Meta:
        model = Cluster
        fields: ClassVar = [
            "name",
            "enabled",
            "interval",
            "endpoints",
            "token_id",
            "token_secret",
            "tls_mode",
            "ca_certificate",
            "fingerprint",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.pop("token_secret", None)  # never rendered, and an empty field is no change
        if isinstance(self.initial.get("endpoints"), list):
            self.initial["endpoints"] = "\n".join(self.initial["endpoints"])
        if "token_secret" in self.fields:  # a viewer's form has none
            self._explain_secret()
        if "ca_certificate" in self.fields:
            self.fields["ca_certificate"].widget.attrs.update(
                rows=6, spellcheck="false", placeholder="-----BEGIN CERTIFICATE-----"
            )

    def _explain_secret(self) -> None:
        kept = bool(self.instance.pk)
        self.fields["token_secret"].help_text = (
            _("Encrypted at rest and never shown again. Leave it empty to keep the present one.")
            if kept
            else _("What Proxmox showed once when the token was made. Encrypted at rest and never shown again.")
        )

    def clean_endpoints(self) -> list[str]:
        """The list that the row keeps."""
        try:
            return parse_endpoints(self.cleaned_data["endpoints"])
        except ValidationError as error:
            raise ValidationError(error.messages) from None

    def clean_token_id(self) -> str:
        """The id without what people copy along with it."""
        typed = str(self.cleaned_data["token_id"]).strip().removeprefix("PVEAPIToken=")
        if "=" in typed:
            raise ValidationError(_("Write only the part before “=” here; the part after it is the secret."))
        if "!" not in typed:
            raise ValidationError(_("That is a user: a token id also has “!” and the token's name, USER@REALM!NAME."))
        if not TOKEN_ID.fullmatch(typed):
            raise ValidationError(_("Write the token id as USER@REALM!NAME, e.g. portal@pve!manager."))
        return typed

    def clean_token_secret(self) -> str:
        """The secret that was typed, else the one that is kept."""
        typed = self.cleaned_data.get("token_secret") or ""
        if typed:
            return typed.rpartition("=")[2]
        if not self.instance.pk:
            raise ValidationError(_("Enter the secret that Proxmox showed when the token was made."))
        return self.instance.token_secret

    def clean(self) -> dict[str, Any]:
        """What the chosen certificate check needs."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("tls_mode") == TlsMode.CA:
            self._need("ca_certificate", parse_authority, _("Paste the CA's certificate, or choose another check."))
        elif cleaned.get("tls_mode") == TlsMode.FINGERPRINT:
            self._need("fingerprint", parse_fingerprint, _("Enter the fingerprint, or choose another check."))
        if self.report and self.report.kind == SameCluster.kind:
            self.add_error("endpoints", f"{self.report.sentence} {self.report.hint}")
        return cleaned

    def _post_clean(self) -> None:
        """Let the model judge only what the form has no complaint about: it would complain again in other words."""
        if not self.errors:
            super()._post_clean()  # type: ignore[misc]

    def _need(self, name: str, parse: Any, missing: Any) -> None:
        if not self.cleaned_data.get(name):
            self.add_error(name, missing)
            return
        try:
            self.cleaned_data[name] = parse(self.cleaned_data[name])
        except ValidationError as error:
            self.add_error(name, error)


def fieldsets(*, edits: bool) -> list[Any]:
    """Name, address, token, certificate. Who may only look sees no secret: a read-only field would print it."""
    if not edits:
        return [
            (None, {"fields": [("name", "interval"), "enabled"]}),
            (_("Where it is"), {"fields": ["endpoint_list"]}),
            (_("How the portal logs in"), {"fields": ["token_id", "tls_mode"]}),
        ]
    return [
        (None, {"fields": [("name", "interval"), "enabled"]}),
        (_("Where it is"), {"fields": ["endpoints"]}),
        (_("How the portal logs in"), {"fields": [("token_id", "token_secret")], "description": _token_lines()}),
        (
            _("How its certificate is judged"),
            {
                "fields": ["tls_mode", "ca_certificate", "fingerprint"],
                "description": _(
                    "Proxmox signs its certificates itself unless told otherwise: then paste "
                    "/etc/pve/pve-root-ca.pem of a node as its own authority, or pin the fingerprint that "
                    "“pvenode cert info” shows: of pveproxy-ssl.pem where that is listed, else of pve-ssl.pem. After "
                    "saving, the portal tells which fingerprint it sees."
                ),
            },
        ),
    ]


def _token_lines() -> SafeString:
    sentence = _(
        "No token yet? These lines make one, on a node; the last prints its secret once. PVEAuditor alone is enough to "
        "look. “Check connection” says what a token may not do, and which line gives it the right."
    )
    return format_html("{} {}", sentence, render_to_string("portal/make_a_token.html"))
