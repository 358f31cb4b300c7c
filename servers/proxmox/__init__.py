"""The one door to Proxmox VE."""
