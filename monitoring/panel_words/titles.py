"""Titles, legends, headings and other short words of the shipped dashboards."""

from django.utils.translation import gettext_noop as _

TITLES = (
    _("System Overview"), _("Machine"), _("Open incidents"), _("unknown"), _("Portal"), _("Up"), _("Down"),
    _("Machines down"), _("none known"), _("Busiest processor"), _("Fullest memory"), _("Fullest file system"),
    _("CPU Usage"), _("Threshold"), _("Memory Usage"), _("Disk Usage"), _("Network Traffic"),
    _("{{instance}} {{server}} in"), _("{{instance}} {{server}} out"), _("Load Average"),
    _("{{instance}} {{server}} 1 min"), _("{{instance}} {{server}} 5 min"), _("{{instance}} {{server}} 15 min"),
    _("Available Memory"), _("Application Metrics"), _("Active Servers"), _("Errors"), _("no requests seen"),
    _("95 % within"), _("Requests"), _("Backups"), _("Active users"), _("HTTP Request Rate"), _("Response Time"),
    _("HTTP Errors"), _("5xx"), _("Backups by State"), _("Server Creation Rate"), _("Server Creations/min"),
    _("Server Deletions/min"), _("Work Waiting"), _("Operations"), _("Messages"), _("Changes"), _("Tasks in Redis"),
    _("Messages per Hour"), _("Slowest Views"), _("View"), _("Business"), _("Cluster"), _("Running servers"),
    _("Running"), _("Backups that worked"), _("no run known"), _("Worked"), _("Without a backup"), _("Created today"),
    _("Created"), _("Deleted today"), _("Deleted"), _("People today"), _("People"),
    _("Servers Created and Deleted per Day"), _("Servers by State"), _("Backup Runs per Day"), _("Failed"),
    _("Active Users"), _("Looked After"), _("Backup Failures"), _("Most Processor"), _("Server"), _("VMID"),
    _("Cores"), _("Most Memory"), _("Memory"), _("Most Traffic"), _("Traffic"), _("Infrastructure"), _("Node"),
    _("Nodes offline"), _("Offline"), _("Servers down"), _("Storages too full"), _("Too full"), _("Backups too old"),
    _("Too old"), _("Clusters not in sync"), _("Not in sync"), _("Servers running"), _("Processor of Nodes"),
    _("Memory of Nodes"), _("Storages"), _("Storage in Use"), _("Nodes"), _("Online"), _("Storages That Fill Up"),
    _("Storage"), _("Full in"), _("Busiest Servers"), _("{{name}} on {{node}}"), _("Fullest Memory of Servers"),
    _("Servers That Do Not Run"), _("Oldest Backups"), _("no backup known"), _("Age"), _("Age of Backups"),
    _("Oldest"), _("Middle"), _("Sync"), _("Last good sync"), _("It took"), _("Processor by Core"), _("Core {{cpu}}"),
    _("Load and Cores"), _("1 min"), _("5 min"), _("15 min"), _("Used"), _("All"), _("Swap"), _("no swap seen"),
    _("File Systems"), _("Disks Busy"), _("Disk Throughput"), _("{{device}} read"), _("{{device}} written"),
    _("{{device}} in"), _("{{device}} out"), _("Network Packets"), _("Processor"), _("Busy"), _("Root File System"),
    _("Running since, certificate until"), _("Running for"), _("Certificate holds for"), _("Servers by Memory"),
    _("Proxmox"), _("Exporter"), _("Used (Proxmox)"), _("Used (exporter)"), _("Size"), _("Network"), _("In"),
    _("Out"), _("Disk throughput"), _("Read"), _("Written"), _("Disk space"), _("no exporter known"),
    _("Root disk (Proxmox)"), _("Running since, saved since"), _("Newest backup"),
)  # fmt: skip
