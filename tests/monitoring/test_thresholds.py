"""The thresholds of the alert rules: as shipped at first, an administrator's to change, told to Prometheus."""

import pytest
from auditlog.models import LogEntry

from monitoring.models import AlertThreshold
from monitoring.thresholds import DEFAULTS
from tests.support import seed

pytestmark = pytest.mark.django_db


def row(alert: str = "HighCPUUsage") -> AlertThreshold:
    return AlertThreshold.objects.get(alert=alert)


def page(threshold: AlertThreshold) -> str:
    return f"/admin/monitoring/alertthreshold/{threshold.pk}/change/"


def save(browser, threshold: AlertThreshold, value: object, note: str = ""):
    return browser.post(page(threshold), {"value": value, "note": note}, follow=True)


def test_a_new_portal_has_a_row_for_every_threshold_with_its_default():
    rows = dict(AlertThreshold.objects.values_list("alert", "value"))
    assert rows == {alert: shipped.value for alert, shipped in DEFAULTS.items()}


@pytest.mark.parametrize("alert", DEFAULTS)
def test_every_default_makes_sense_and_is_explained(alert):
    shipped = DEFAULTS[alert]
    assert shipped.objection(shipped.value) == ""
    assert str(shipped.unit)
    assert str(shipped.description).endswith(".")


def test_an_administrator_changes_a_threshold_and_it_is_noted(scrape):
    save(seed.browser("administrator"), row(), "75.5", "small machines")
    assert (row().value, row().note) == (75.5, "small machines")
    assert LogEntry.objects.get_for_object(row()).first().changes["value"] == ["80.0", "75.5"]
    assert scrape().get("portal_alert_threshold", alert="HighCPUUsage") == 75.5


@pytest.mark.parametrize("value", ["800", "0", "-3", "1e400"])
def test_a_processor_threshold_that_makes_no_sense_gets_a_sentence(value):
    answer = save(seed.browser("administrator"), row(), value)
    words = "from 1 to 100" if value != "1e400" else "Enter a number."
    assert words in answer.content.decode()
    assert row().value == 80


@pytest.mark.parametrize("value", ["", "often", "nan", "inf", "80 %"])
def test_what_is_no_number_is_refused(value):
    save(seed.browser("administrator"), row(), value)
    assert row().value == 80


def test_the_sentence_names_value_and_unit():
    answer = save(seed.browser("administrator"), row(), "800")
    assert "800 % makes no sense here: write a number from 1 to 100." in answer.content.decode()


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_others_look_and_change_nothing(role):
    browser = seed.browser(role)
    assert browser.get("/admin/monitoring/alertthreshold/").status_code == 200
    assert save(browser, row(), "50").status_code == 403
    assert row().value == 80


def test_nobody_adds_or_deletes_one():
    browser = seed.browser(superuser=True)
    assert browser.get("/admin/monitoring/alertthreshold/add/").status_code == 403
    assert browser.post(page(row()).replace("change", "delete"), {"post": "yes"}).status_code == 403


def test_the_list_tells_what_was_changed():
    AlertThreshold.objects.filter(alert="StorageFull").update(value=95)
    text = seed.browser("viewer").get("/admin/monitoring/alertthreshold/").content.decode()
    assert text.count("as shipped") == len(DEFAULTS) - 1
    assert "95\N{NO-BREAK SPACE}%" in text


def test_the_form_says_unit_bounds_and_default():
    text = seed.browser("administrator").get(page(row("BackupTooOld"))).content.decode()
    assert "In days, from 0.1 to 3650. Shipped: 8." in text


def test_a_row_of_a_rule_that_is_no_longer_shipped_is_shown_all_the_same():
    AlertThreshold.objects.create(alert="Bygone", value=1)
    browser = seed.browser("administrator")
    assert "no such rule any more" in browser.get("/admin/monitoring/alertthreshold/").content.decode()
    assert save(browser, row("Bygone"), "5000").status_code == 200
    assert row("Bygone").value == 5000


def test_prometheus_is_told_all_of_them(scrape):
    found = scrape().all("portal_alert_threshold")
    assert found == {(("alert", alert),): shipped.value for alert, shipped in DEFAULTS.items()}
