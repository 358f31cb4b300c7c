"""What the tests of monitoring share."""

import pytest

from tests.monitoring.exposition import Exposition


@pytest.fixture(autouse=True)
def _nothing_kept_from_another_test():
    """The rendered lines live as long as the process."""
    from monitoring import collector

    collector.TEXTS.forget()
    collector._complained.clear()


@pytest.fixture
def scrape(client, db):
    """One scrape, from this machine, parsed."""

    def once(**headers: str) -> Exposition:
        answer = client.get("/metrics", headers=headers)
        assert answer.status_code == 200
        return Exposition(answer.content.decode())

    return once
