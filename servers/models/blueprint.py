"""What a new server is made from: template, sizes, network, first log-in, and within which limits."""

from typing import Any, ClassVar, Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from portal.lib import clock
from servers.models.cluster import Cluster
from servers.models.inventory import Kind

# What stands for the numbers of a bulk in a name.
PATTERN_HELP: Final = _("For several: web-{01..20}. One name, where only one is made.")


class Blueprint(models.Model):
    """An administrator's template of requests. Everything in it is a default, but for the limits."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    description = models.CharField(_("what it is for"), max_length=200, blank=True, default="")
    enabled = models.BooleanField(_("offered"), default=True, help_text=_("Whether new servers can be made from it."))
    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, verbose_name=_("cluster"))
    kind = models.CharField(_("type"), max_length=4, choices=Kind, default=Kind.QEMU)
    template = models.CharField(
        _("template"), max_length=250,
        help_text=_("A VM template's VMID, or the file of a container template (STORAGE:vztmpl/FILE)."),
    )  # fmt: skip
    full = models.BooleanField(
        _("full clone"), default=True, help_text=_("Off: a linked clone, which stays on its template's storage.")
    )
    storage = models.CharField(
        _("storage"), max_length=100, blank=True, default="", help_text=_("Empty: where the template lies.")
    )
    cores = models.PositiveSmallIntegerField(_("cores"), default=2, validators=[MinValueValidator(1)])
    memory = models.PositiveIntegerField(_("memory (MiB)"), default=2048, validators=[MinValueValidator(64)])
    disk_gib = models.PositiveIntegerField(
        _("disk (GiB)"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("It grows to that size. Empty: as in the template. A container needs it."),
    )  # fmt: skip
    second_disk_gib = models.PositiveIntegerField(
        _("second disk (GiB)"), null=True, blank=True, validators=[MinValueValidator(1)], help_text=_("Empty: none.")
    )
    second_disk_storage = models.CharField(
        _("its storage"), max_length=100, blank=True, default="", help_text=_("Empty: where the first disk lies.")
    )
    second_disk_path = models.CharField(
        _("its folder"), max_length=100, blank=True, default="", help_text=_("Where a container mounts it: /data.")
    )

    bridge = models.CharField(
        _("bridge"), max_length=20, blank=True, default="", help_text=_("Empty: as in the template.")
    )
    vlan = models.PositiveSmallIntegerField(
        _("VLAN"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(4094)]
    )
    second_bridge = models.CharField(
        _("second bridge"), max_length=20, blank=True, default="",
        help_text=_("Of a second network card, which gets its address by DHCP. Empty: none."),
    )  # fmt: skip
    second_vlan = models.PositiveSmallIntegerField(
        _("second VLAN"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(4094)]
    )
    gateway = models.GenericIPAddressField(_("gateway"), null=True, blank=True)
    nameservers = models.CharField(_("DNS servers"), max_length=200, blank=True, default="")
    search_domain = models.CharField(_("search domain"), max_length=253, blank=True, default="")
    user = models.CharField(
        _("user"), max_length=60, blank=True, default="", help_text=_("Who logs in, by cloud-init.")
    )
    ssh_keys = models.TextField(_("SSH keys"), blank=True, default="", help_text=_("Public keys, one per line."))

    name_pattern = models.CharField(_("naming"), max_length=100, blank=True, default="", help_text=PATTERN_HELP)
    tags = models.CharField(_("tags"), max_length=200, blank=True, default="", help_text=_("Separated by commas."))
    owner = models.CharField(_("owner"), max_length=100, blank=True, default="")
    environment = models.CharField(_("environment"), max_length=40, blank=True, default="")
    exporter_port = models.PositiveIntegerField(
        _("exporter port"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(65535)],
        help_text=_("Where its node_exporter listens (usually 9100). Empty: Prometheus does not scrape it."),
    )  # fmt: skip
    backup_days = models.PositiveSmallIntegerField(
        _("backup wanted (days)"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(3650)],
        help_text=_("How old its newest backup may be. Empty: as under Thresholds."),
    )  # fmt: skip
    protection = models.BooleanField(_("protected"), default=False, help_text=_("Proxmox refuses to delete it."))
    onboot = models.BooleanField(_("starts with its node"), default=True)

    max_cores = models.PositiveSmallIntegerField(_("most cores"), default=16, validators=[MinValueValidator(1)])
    max_memory = models.PositiveIntegerField(_("most memory (MiB)"), default=65536, validators=[MinValueValidator(64)])
    max_disk_gib = models.PositiveIntegerField(_("largest disk (GiB)"), default=500, validators=[MinValueValidator(1)])
    max_count = models.PositiveSmallIntegerField(
        _("most at once"), default=20, validators=[MinValueValidator(1), MaxValueValidator(500)]
    )
    needs_approval = models.BooleanField(
        _("needs approval"), default=False, help_text=_("A second administrator has to agree before anything is made.")
    )
    created_at = models.DateTimeField(_("added"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("blueprint")
        verbose_name_plural = _("blueprints")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Raises ValidationError where its own defaults break its limits, or where a container lacks something."""
        wrong: dict[str, Any] = {}
        for value, limit in (("cores", "max_cores"), ("memory", "max_memory"), ("disk_gib", "max_disk_gib"),
                             ("second_disk_gib", "max_disk_gib")):  # fmt: skip
            given, most = getattr(self, value), getattr(self, limit)
            if given and most and given > most:
                wrong[value] = _("That is more than the limit of this blueprint (%(most)d).") % {"most": most}
        if self.kind == Kind.LXC and not self.storage:
            wrong.setdefault("storage", _("Choose the storage for the container's root."))
        if self.kind == Kind.LXC and not self.disk_gib:
            wrong.setdefault("disk_gib", _("Say how large the container's root is."))
        if not self.full and self.storage and self.kind == Kind.QEMU:
            wrong["storage"] = _("A linked clone lies on its template's storage: choose none, or a full clone.")
        if self.kind == Kind.LXC and self.second_disk_gib and not self.second_disk_path:
            wrong["second_disk_path"] = _("Say where the container mounts its second disk.")
        if self.second_bridge and not self.bridge:
            wrong["bridge"] = _("Choose the bridge of the first card too.")
        if wrong:
            raise ValidationError(wrong)
