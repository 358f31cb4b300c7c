"""Grafana inside the portal: on the portal's own origin under ``/grafana/``, for staff, under their own names.

``gate`` decides who may pass, for the portal's own proxy (``proxy``) and for nginx (``views``) alike; ``identity`` says
who somebody is to Grafana, ``keys`` signs it where a signature is wanted; ``health`` tells whether it answers, and
``frames`` makes the addresses of what is embedded.
"""
