"""What exists on Proxmox, and what we ask of it. Knows no monitoring and no notifications."""
