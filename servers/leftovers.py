"""What failed creations could not remove: it is tried again by itself, as soon as its node is there.

A row that has failed says in ``kept["left"]`` why something of it is left. Each further try is a row of its own, which
is the clean-up alone; ``kept["tries"]`` counts them.
"""

from datetime import datetime, timedelta
from typing import Final

from portal.lib import clock
from servers.models import Action, Operation, OperationState
from servers.nodes import is_down

FIRST: Final = timedelta(seconds=10)
LONGEST: Final = timedelta(hours=1)
# That often, four hours in all while the node is there; then it is a person's turn.
TRIES: Final = 12
# So long what is left is hidden from the inventory: it was never a server, and is told of at its request.
FOLLOWED: Final = timedelta(hours=12)


def followed(moment: datetime) -> "list[Operation]":
    """The failed creations of which something is left, as long as the portal itself tries to remove it."""
    rows = Operation.objects.filter(
        action=Action.CREATE, state=OperationState.FAILED, finished_at__gt=moment - FOLLOWED, kept__has_key="left"
    )
    return [row for row in rows.select_related("cluster") if row.kept["left"]]


def clear(moment: datetime | None = None) -> int:
    """Ask for the clean-ups that are due. How many they were."""
    from servers import requesting

    moment = moment or clock.now()
    due = [row for row in followed(moment) if _is_due(row, moment)]
    return sum(requesting.remove_rest(row) is not None for row in due)


def _is_due(row: Operation, moment: datetime) -> bool:
    tries = int(row.kept.get("tries", 0))
    if tries >= TRIES or row.finished_at is None:
        return False
    node = str(row.kept.get("at") or row.node_name)
    return row.finished_at + min(FIRST * 2**tries, LONGEST) <= moment and not is_down(row.cluster_id, node)
