"""The stages of a new server."""
