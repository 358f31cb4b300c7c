"""The words of the shipped dashboards, for those who translate them: a JSON file cannot mark its own.

A test keeps them equal to the files. The portal's own pages show them in the reader's language, Grafana in English.
"""

from monitoring.panel_words.descriptions import DESCRIPTIONS
from monitoring.panel_words.titles import TITLES

WORDS = frozenset({*TITLES, *DESCRIPTIONS})
