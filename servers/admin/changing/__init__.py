"""Changing one server: a menu on its page, and a form page for each action."""

from servers.admin.changing.pages import ChangingPages

__all__ = ["ChangingPages"]
