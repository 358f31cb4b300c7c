"""Who is told what, when, and why not: pure functions over plain values. Nothing here asks a database or a clock.

``matchers`` says which messages a rule means, ``windows`` when it is quiet, ``rules`` what an administrator set up, and
``plan`` joins them into one answer per route and channel. What is sent and what the "try it" page shows is that answer.
"""
