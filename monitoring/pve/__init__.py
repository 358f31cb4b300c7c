"""``/pve``: the answers of prometheus-pve-exporter, from what the portal knows already."""
