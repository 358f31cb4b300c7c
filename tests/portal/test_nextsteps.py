"""What to do after the first look: shown to whoever may do it, until it is done or waved away."""

import pytest

from notifications.models import AlertChannel
from tests.support import seed

pytestmark = pytest.mark.django_db
TITLE = "Next steps"


def front(client):
    return client.get("/admin/").content.decode()


def test_a_demo_says_what_comes_next_to_those_who_may_do_it():
    seed.make_cluster("demo")
    page = front(seed.browser("administrator"))
    assert "What you see is a simulated cluster." in page
    assert "/admin/servers/cluster/add/" in page
    assert "/admin/notifications/alertchannel/add/" in page
    assert TITLE not in front(seed.browser("viewer"))


def test_what_is_done_is_ticked_off_and_the_card_goes_when_all_is():
    seed.make_cluster("berlin")
    client = seed.browser("administrator")
    assert front(client).count("check_circle") == 1
    AlertChannel.objects.create(name="On call", kind="webhook")
    assert TITLE not in front(client)


@pytest.mark.parametrize(
    ("error", "sentence"), [("refused", "The sync of berlin fails: its page says why."), ("", "a moment later")]
)
def test_a_cluster_that_was_never_read_is_not_done(error, sentence):
    seed.make_cluster("demo")
    own = seed.make_cluster("berlin", last_success_at=None, first_complete_at=None, last_error=error)
    page = front(seed.browser("administrator"))
    assert "check_circle" not in page
    assert sentence in page
    assert f"/admin/servers/cluster/{own.pk}/change/" in page


def test_it_can_be_waved_away_by_a_post():
    seed.make_cluster("demo")
    client = seed.browser("administrator")
    assert client.get("/admin/next-steps/hide/").status_code == 405
    assert TITLE in front(client)
    assert client.post("/admin/next-steps/hide/").url == "/admin/"
    assert TITLE not in front(client)
