"""Looks into an exposition, with prometheus_client's own parser."""

from prometheus_client.parser import text_string_to_metric_families


class Exposition:
    """A parsed page of the text format."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def all(self, name: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Every sample of that name: its labels, sorted, and its value."""
        found = [(tuple(sorted(sample.labels.items())), sample.value) for sample in self.samples if sample.name == name]
        assert len(found) == len(dict(found)), f"{name} has a series twice"
        return dict(found)

    def get(self, name: str, /, **labels: str) -> float | None:
        """The one sample that has these labels (and maybe others), or None."""
        wanted = set(labels.items())
        found = [number for key, number in self.all(name).items() if wanted <= set(key)]
        assert len(found) <= 1, f"{len(found)} samples of {name} have {labels}"
        return found[0] if found else None

    def labels(self, name: str, label: str) -> list[str]:
        """The values of one label of a family, sorted."""
        return sorted(dict(key)[label] for key in self.all(name))
