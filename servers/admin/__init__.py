"""The admin pages of servers and what they live on. The modules declare; what they do is elsewhere in the app."""

from servers.admin import (  # noqa: F401
    backups,
    clusters,
    front,
    nodes,
    operations,
    saved,
    sections,
    servers,
    statechanges,
    storages,
)
from servers.admin.creating import blueprints, requests  # noqa: F401
