"""What a watch is given to look with."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from monitoring.models import AlertThreshold
from monitoring.thresholds import DEFAULTS
from monitoring.watching.policy import Policies
from servers.models import Cluster

# A condition and the thing that it is about, such as ("storage_full", "cluster:3/ceph").
Key = tuple[str, str]


@dataclass(frozen=True)
class Looking:
    """One look. ``reliable`` holds the keys of clusters whose rows are the present, ``open`` what is open now."""

    moment: datetime
    reliable: frozenset[int]
    open: frozenset[Key]
    policies: Policies

    @cached_property
    def clusters(self) -> dict[int, Cluster]:
        """The clusters that are watched, by key."""
        return {cluster.pk: cluster for cluster in Cluster.objects.filter(enabled=True)}

    @cached_property
    def _thresholds(self) -> dict[str, float]:
        return dict(AlertThreshold.objects.values_list("alert", "value"))

    def threshold(self, alert: str) -> float:
        """What administrators set for that rule: the portal and the shipped rules compare with the same number."""
        return self._thresholds.get(alert, DEFAULTS[alert].value)

    def limit(self, key: Key, threshold: float, slack: float) -> float:
        """The threshold for what is well, and so much less for what is in trouble: so nothing opens and closes with
        each look (hysteresis)."""
        return threshold - slack if key in self.open else threshold
