"""What the shipped dashboards and their panels say of themselves."""

from django.utils.translation import gettext_noop as _

DESCRIPTIONS = (
    _(
        "The machines that a node exporter watches: this one, and every server with an exporter. The state of all "
        "at the top, the usual suspects below."
    ),
    _("Trouble that the portal knows of and that is not over."),
    _("Whether Prometheus reaches the portal. While it does not, what the portal tells is missing everywhere."),
    _("Machines whose exporter does not answer Prometheus, without those that Proxmox knows not to run."),
    _("The machine whose cores are busiest at this moment."),
    _("The machine with the least memory left."),
    _("The file system with the least space left for its users."),
    _(
        "Busy part of all cores of a machine. The dashed line is the threshold of HighCPUUsage, which "
        "administrators set in the portal."
    ),
    _(
        "Memory that is in use and could not be freed at once. The dashed line is the threshold of "
        "HighMemoryUsage."
    ),
    _(
        "Used part of each file system as its users see it, those in memory left out. The dashed line is the "
        "threshold of HighDiskUsage."
    ),
    _("Bytes per second in and out, all network cards of a machine together, without those of its guests."),
    _(
        "Processes that run or wait to run, over 1, 5 and 15 minutes. It is high where it exceeds the number of "
        "cores for long."
    ),
    _("Memory that programs could still get without swapping."),
    _("The portal itself: how much it is asked, how fast and how well it answers, and what work waits in it."),
    _("Servers that run now, in all clusters."),
    _("Requests that were answered with an error of the portal's own (5xx)."),
    _("The time within which 95 of 100 requests were answered."),
    _("Requests per second, those of Prometheus included."),
    _("Backups that exist now."),
    _("People with a request in the last five minutes."),
    _("Requests per second by method and view: the twenty views that were asked for most at each moment."),
    _("The time within which half, 95 and 99 of 100 requests were answered."),
    _("Part of the requests that were answered with 5xx. The dashed line is the threshold of PortalErrors."),
    _("Backups that exist: verified, not verified, and those whose verification failed."),
    _("Servers that appeared and went per minute, whoever made or deleted them."),
    _("Operations, messages, changes and tasks that are not done yet. What only grows is stuck."),
    _("Deliveries of messages in the last hour by how they went. Dead ones reached nobody."),
    _("The ten views whose slowest requests took longest, over the time that is shown."),
    _(
        "What the platform does for those who use it: servers made and removed, backups that worked, people at "
        "work, and who uses how much."
    ),
    _("Servers that run now, in the clusters that are selected."),
    _("Of the backup runs of the last day."),
    _("Servers that should run and have no backup at all."),
    _("Servers that appeared in the last 24 hours, whoever made them, in all clusters."),
    _("Servers that were deleted in the last 24 hours, in all clusters."),
    _("Distinct people who used the portal in the last day."),
    _("In the 24 hours before each moment, in all clusters."),
    _("Servers in the clusters that are selected. Unknown ones are on a node that is not online."),
    _(
        "Runs that worked and runs that failed in the 24 hours before each moment. The dashed line is what "
        "BackupFailed puts up with, for each cluster."
    ),
    _("Distinct people with a request in five minutes, an hour, a day."),
    _(
        "Part of all servers with an exporter, a young backup, an owner, a route for alerts, and with all of "
        "these."
    ),
    _("Part of the backup runs that failed, of those in the 24 hours before each moment."),
    _("The servers that use the most cores."),
    _("The servers that use the most memory."),
    _("The servers that move the most bytes per second, in and out, over the time that is shown."),
    _("The clusters: nodes, servers, storages and backups. What needs a hand is counted at the top."),
    _("Nodes that their cluster does not reach. Their servers are unknown."),
    _("Servers that should run and do not, planned work aside."),
    _("Storages above the threshold of StorageFull."),
    _("Servers whose newest backup is older than the threshold of BackupTooOld."),
    _("Clusters whose last sync failed: what is shown of them is old."),
    _("Of the clusters, nodes and servers that are selected."),
    _("Busy part of each node's cores. The dashed line is the threshold of HighCPUUsage."),
    _("Used part of each node's memory. The dashed line is the threshold of HighMemoryUsage."),
    _("How full each storage is; a shared one is shown once."),
    _("Bytes in use on each storage: how fast they fill."),
    _("Each node as its cluster sees it."),
    _(
        "Days until a storage is full if it goes on as in the last day. Nothing where none fills, and nothing in "
        "a storage's first six hours."
    ),
    _("The ten servers whose cores are busiest."),
    _("The ten servers with the least memory left, as Proxmox counts it."),
    _("Whether they should or not."),
    _("The twenty servers whose newest backup is oldest."),
    _("One cluster: its nodes, storages and servers, and how it is synced."),
    _("How many servers are in which state."),
    _(
        "Of the newest backup of each server: the oldest, and the one in the middle. The dashed line is the "
        "threshold of BackupTooOld."
    ),
    _("How long ago the last good sync began, and how long it took."),
    _("One machine in depth, as its node exporter tells it: cores, memory and swap, disks, network."),
    _("Busy part of each core: one that is always full is a program with a single thread."),
    _("Processes that run or wait, beside the number of cores that could run them."),
    _("Memory in use, and all there is."),
    _("Used part of the swap space. Nothing on a machine without any."),
    _("How full each file system is for its users."),
    _("Part of the time in which a disk had something to do. At nearly 100 %, everything waits for it."),
    _("Bytes per second read from and written to each disk."),
    _("Bytes per second in and out by network card."),
    _("Packets per second in and out by network card. Many packets with few bytes are worth a look."),
    _("One node of a cluster, as Proxmox sees it."),
    _("Busy part of the node's cores. The dashed line is the threshold of HighCPUUsage."),
    _(
        "Processes that run or wait, over 1, 5 and 15 minutes, beside the number of cores. Asked every two "
        "minutes or less often."
    ),
    _(
        "Used part of the node's own file system, on which logs and often ISO images are. The dashed line is the "
        "threshold of HighDiskUsage."
    ),
    _("How full the node's own storages are; shared ones are on the page of the cluster."),
    _("For how long the node has been running, and for how long its certificate holds."),
    _("The ten servers on this node that use the most memory."),
    _("One server: what Proxmox knows of it, and what its own exporter knows better."),
    _(
        "Used part of the server's cores: as Proxmox sees it, and as its exporter does where one runs. The dashed "
        "line is the threshold of HighCPUUsage."
    ),
    _(
        "Memory in use of what it has. Proxmox counts the caches of a guest without a balloon driver as used; the "
        "exporter does not."
    ),
    _("Traffic of all its network cards, as Proxmox counts it."),
    _("What it reads from and writes to its disks, as Proxmox counts it."),
    _(
        "Used part of its file systems. Proxmox knows it of containers alone; of a virtual machine it takes an "
        "exporter. The dashed line is the threshold of HighDiskUsage."
    ),
    _("For how long it has been running, and the age of its newest backup. Nothing where there is none."),
)  # fmt: skip
