"""The second renderer: the panels of the catalogue, drawn by the portal itself from what Prometheus answers.

``ranges`` reads a time range, ``asking`` asks Prometheus within limits, ``answers`` makes series of what came,
``figures`` puts a panel's data together, ``access`` says who may see it, ``views`` answers the browser. What is drawn
in the browser is in ``static/monitoring/panels``.
"""
