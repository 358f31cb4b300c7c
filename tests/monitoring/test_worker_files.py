"""The numbers of several processes, read from their files: the same as the library's own collector reads."""

import json

import pytest
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from monitoring.exposition import OPENMETRICS, TEXT, render
from monitoring.worker_files import WorkerFiles

PARSERS = {TEXT: text_families, OPENMETRICS: openmetrics_families}
HELP = 'What "it" says.\nIn \\two lines.'
VIEW = 'ad"min\\:\n목록'


def counted(file, *numbers):
    """Write (family, sample, labels, value) as a process does."""
    kept = MmapedDict(str(file))
    for family, name, labels, value in numbers:
        kept.write_value(mmap_key(family, name, list(labels), list(labels.values()), HELP), value, 0.0)
    kept.close()


def histogram(view, *buckets, total):
    edges = [("0.1", buckets[0]), ("1.0", buckets[1]), ("+Inf", buckets[2])]
    lines = [("took_seconds", "took_seconds_bucket", {"view": view, "le": le}, value) for le, value in edges]
    return [("took_seconds", "took_seconds_sum", {"view": view}, total), *reversed(lines)]


@pytest.fixture
def folder(tmp_path):
    counted(tmp_path / "counter_1.db", ("asked", "asked_total", {"view": VIEW, "by": "GET"}, 3.0))
    counted(
        tmp_path / "counter_2.db",
        ("asked", "asked_total", {"view": VIEW, "by": "GET"}, 4.0),
        ("asked", "asked_total", {"view": "other", "by": "GET"}, 12_345_678.0),
        ("plain", "plain_total", {}, 1.0),
    )
    counted(tmp_path / "histogram_1.db", *histogram(VIEW, 1.0, 2.0, 0.0, total=0.75))
    counted(tmp_path / "histogram_2.db", *histogram(VIEW, 0.0, 5.0, 1.0, total=9.5), *histogram("b", 0, 0, 0, total=0))
    counted(tmp_path / "gauge_livesum_1.db", ("busy", "busy", {}, 2.0))
    return tmp_path


def told(text, fmt):
    """Every number of a page, with its family's kind and help."""
    found = {}
    for family in PARSERS[fmt]((text + fmt.end).decode()):
        for sample in family.samples:
            labels = json.dumps(sample.labels, sort_keys=True)
            found[family.name, family.type, family.documentation, sample.name, labels] = sample.value
    return found


def by_the_library(folder, fmt):
    return told(render(MultiProcessCollector(None, path=str(folder)).collect(), fmt), fmt)


@pytest.mark.parametrize("fmt", PARSERS, ids=lambda fmt: fmt.name)
def test_it_reads_what_the_library_reads(folder, fmt):
    files = WorkerFiles(folder)
    ours = told(files.text(fmt) + render(files.gauges(), fmt), fmt)
    assert ours == by_the_library(folder, fmt)
    assert len(ours) == 3 + 2 * 5 + 1


def test_numbers_move_and_new_series_appear_between_two_looks(folder):
    files = WorkerFiles(folder)
    files.text(TEXT)
    counted(folder / "counter_1.db", ("asked", "asked_total", {"view": VIEW, "by": "GET"}, 30.0))
    counted(folder / "counter_3.db", ("new", "new_total", {}, 5.0))
    after = told(files.text(TEXT) + render(files.gauges(), TEXT), TEXT)
    assert after == by_the_library(folder, TEXT)
    assert [value for (family, *_rest), value in after.items() if family == "new"] == [5.0]


def test_an_empty_folder_is_an_empty_page(tmp_path):
    assert WorkerFiles(tmp_path).text(TEXT) == b""
