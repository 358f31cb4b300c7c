"""From a message to its delivery. Knows no Proxmox and no Prometheus."""
