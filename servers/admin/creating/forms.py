"""The form of new servers, filled with a blueprint's defaults and bound by its limits."""

from typing import Any, Final

from django import forms
from django.core.validators import MaxValueValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from servers.admin.changing.base import choice, lines, number, text, tick
from servers.admin.creating.blueprints import pick
from servers.models import Blueprint, Kind
from servers.naming import words
from servers.offers import Offer
from servers.proxmox import formats
from servers.proxmox.errors import Invalid
from servers.wishes import Wish

# What Proxmox calls the fields, where an order complains.
PROXMOX: Final = {
    "newid": "names", "name": "names", "hostname": "names", "ipconfig0": "ip", "net0": "bridge", "sshkeys": "ssh_keys",
    **{f"scsi{n}": "second_disk_gib" for n in range(1, 31)}, **{f"mp{n}": "second_disk_path" for n in range(256)},
    "net1": "second_bridge", "ipconfig1": "second_bridge",
    "ciuser": "user", "cipassword": "password", "searchdomain": "search_domain", "nameserver": "nameservers",
    "ssh-public-keys": "ssh_keys", "rootfs": "disk_gib", "ostemplate": "template",
}  # fmt: skip
DEFAULTS: Final = (
    "cores", "memory", "disk_gib", "storage", "second_disk_gib", "second_disk_storage", "second_disk_path",
    "bridge", "vlan", "second_bridge", "second_vlan", "gateway",
    "nameservers", "search_domain", "user", "ssh_keys", "owner", "environment", "tags", "exporter_port", "backup_days",
    "onboot", "protection",
)  # fmt: skip
SHORTEST: Final = 5
SPREAD: Final = gettext_lazy("Spread: over all of them, more on those with more memory free and less load.")
ADDRESSES: Final = gettext_lazy(
    "dhcp, an address with its prefix (10.0.0.10/24; several take those after it), or 10.0.0.10-10.0.0.40/24."
)


class NewServerForm(forms.Form):
    """One server or many. ``wanted`` and ``secrets`` are there once it is valid."""

    names = text(gettext_lazy("Names"), help_text=gettext_lazy("One name, several with commas, or web-{01..20}."))
    reason = text(gettext_lazy("What for"), required=False, maxlength=300)
    cores = number(gettext_lazy("Cores"), least=1, most=8192)
    memory = number(gettext_lazy("Memory (MiB)"), least=64, most=64 * 1024 * 1024)
    disk_gib = number(gettext_lazy("Disk (GiB)"), least=1, most=1024 * 1024, required=False,
                      help_text=gettext_lazy("Empty: as in the template. Disks only grow."))  # fmt: skip
    node = choice(gettext_lazy("Node"), required=False, help_text=SPREAD)
    storage = text(gettext_lazy("Storage"), required=False)
    second_disk_gib = number(gettext_lazy("Second disk (GiB)"), least=1, most=1024 * 1024, required=False,
                             help_text=gettext_lazy("Empty: none."))  # fmt: skip
    second_disk_storage = text(gettext_lazy("Its storage"), required=False,
                               help_text=gettext_lazy("Empty: where the first disk lies."))  # fmt: skip
    second_disk_path = text(gettext_lazy("Its folder"), required=False, maxlength=100, placeholder="/data",
                            help_text=gettext_lazy("Where the container mounts it."))  # fmt: skip
    bridge = text(gettext_lazy("Bridge"), required=False)
    vlan = number(gettext_lazy("VLAN"), least=1, most=4094, required=False)
    second_bridge = text(
        gettext_lazy("Second bridge"), required=False,
        help_text=gettext_lazy("Of a second network card, which gets its address by DHCP. Empty: none."),
    )  # fmt: skip
    second_vlan = number(gettext_lazy("Second VLAN"), least=1, most=4094, required=False)
    ip = text(gettext_lazy("Addresses"), required=False, placeholder="dhcp", help_text=ADDRESSES)
    gateway = text(gettext_lazy("Gateway"), required=False)
    nameservers = text(gettext_lazy("DNS servers"), required=False)
    search_domain = text(gettext_lazy("Search domain"), required=False)
    user = text(gettext_lazy("User"), required=False)
    ssh_keys = lines(gettext_lazy("SSH keys"), help_text=gettext_lazy("Public keys, one per line."))
    password = forms.CharField(
        label=gettext_lazy("Password"), required=False, min_length=SHORTEST, max_length=200,
        help_text=gettext_lazy("Optional where there is a key. Kept encrypted until the servers are made."),
        widget=UnfoldAdminPasswordWidget(render_value=False, attrs={"autocomplete": "new-password"}),
    )  # fmt: skip
    owner = text(gettext_lazy("Owner"), required=False, maxlength=100)
    environment = text(gettext_lazy("Environment"), required=False, maxlength=40)
    tags = text(gettext_lazy("Tags"), required=False)
    exporter_port = number(gettext_lazy("Exporter port"), least=1, most=65535, required=False)
    backup_days = number(gettext_lazy("Backup wanted (days)"), least=1, most=3650, required=False)
    description = lines(gettext_lazy("Notes in Proxmox"), rows=2)
    start = tick(gettext_lazy("Start it"), initial=True)
    onboot = tick(gettext_lazy("Starts with its node"))
    protection = tick(gettext_lazy("Protected: Proxmox refuses to delete it"))

    def __init__(self, blueprint: Blueprint, offer: Offer, data: Any = None) -> None:
        self.blueprint, self.offer = blueprint, offer
        self.wanted: list[dict[str, Any]] = []
        defaults = {name: getattr(blueprint, name) for name in DEFAULTS} | {"names": blueprint.name_pattern}
        super().__init__(data, initial=defaults)
        for name in ("storage", "second_disk_storage", "bridge", "second_bridge"):
            pick(self.fields, name, offer, str(getattr(blueprint, name) or ""), kind=blueprint.kind)
        if blueprint.kind == Kind.QEMU and not blueprint.full:
            del self.fields["storage"]
        if blueprint.kind == Kind.LXC:
            self.fields["disk_gib"].required = True
            self.fields["disk_gib"].help_text = ""
            del self.fields["user"]
        else:
            del self.fields["second_disk_path"]
        nodes: Any = self.fields["node"]
        nodes.choices = [("", _("spread over the nodes")), *((name, name) for name in sorted(offer.nodes))]
        self._limit()

    def clean_gateway(self) -> str:
        """An address without a prefix."""
        return self._address("gateway")

    def clean_second_disk_path(self) -> str:
        """A folder of the container."""
        value = self.cleaned_data["second_disk_path"]
        return self._judged(value, formats.mount_path) if value else ""

    def clean_nameservers(self) -> str:
        """Addresses."""
        return " ".join(self._judged(one, formats.address) for one in words(self.cleaned_data["nameservers"]))

    def clean_tags(self) -> str:
        """Words that Proxmox takes."""
        return " ".join(self._judged(one, formats.tag) for one in words(self.cleaned_data["tags"]))

    def clean_search_domain(self) -> str:
        """A domain."""
        value = self.cleaned_data["search_domain"]
        return self._judged(value, formats.guest_name) if value else ""

    def clean(self) -> dict[str, Any]:
        """Hold it against what the cluster has, if each field alone is right."""
        cleaned = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        fixed = {
            "template": self.blueprint.template, "kind": self.blueprint.kind, "full": self.blueprint.full,
            "max_count": self.blueprint.max_count,
        }  # fmt: skip
        try:
            self.wanted = Wish({**cleaned, **fixed}, self.offer).check()
        except Invalid as error:
            self.complain(error)
        return cleaned

    def complain(self, error: Invalid) -> None:
        """Put each sentence at its field."""
        for name, sentence in error.fields.items():
            field = PROXMOX.get(name, name)
            self.add_error(field if field in self.fields else None, sentence)

    @property
    def secrets(self) -> dict[str, str]:
        """What is kept encrypted."""
        password = self.cleaned_data.get("password")
        return {"password": password} if password else {}

    def groups(self) -> list[tuple[Any, list[Any]]]:
        """The fields under their headings."""
        order = (
            (_("Which"), ("names", "reason")),
            (
                _("Size and place"),
                (
                    "cores",
                    "memory",
                    "disk_gib",
                    "storage",
                    "second_disk_gib",
                    "second_disk_storage",
                    "second_disk_path",
                    "node",
                ),
            ),
            (
                _("Network"),
                ("bridge", "vlan", "second_bridge", "second_vlan", "ip", "gateway", "nameservers", "search_domain"),
            ),
            (_("First log-in"), ("user", "ssh_keys", "password")),
            (_("In the portal"), ("owner", "environment", "tags", "exporter_port", "backup_days", "description")),
            (_("Afterwards"), ("start", "onboot", "protection")),
        )
        return [(title, [self[name] for name in names if name in self.fields]) for title, names in order]

    def _limit(self) -> None:
        limits = {
            "cores": "max_cores",
            "memory": "max_memory",
            "disk_gib": "max_disk_gib",
            "second_disk_gib": "max_disk_gib",
        }
        for name, limit in limits.items():
            most = getattr(self.blueprint, limit)
            sentence = _("This blueprint allows at most %(most)d.") % {"most": most}
            self.fields[name].validators.append(MaxValueValidator(most, sentence))

    def _address(self, name: str) -> str:
        value = self.cleaned_data[name]
        return self._judged(value, formats.address) if value else ""

    def _judged(self, value: str, judge: Any) -> str:
        try:
            judge(value)
        except ValueError as problem:
            raise forms.ValidationError(str(problem)) from None
        return value


class DecisionForm(forms.Form):
    """Yes or no, with the reason."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"), required=False, max_length=300, widget=UnfoldAdminTextInputWidget()
    )
