"""For the templates of incidents."""

from django import template

from portal.lib import show

register = template.Library()
register.filter("exact", show.exact)
