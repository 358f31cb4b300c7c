"""The only app that knows both neighbours: metrics from the inventory, incidents into notifications."""
