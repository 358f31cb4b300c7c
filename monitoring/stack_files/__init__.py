"""The stack saved and brought back: configuration, measurements, dashboards, the portal's database and keys.

``backup.save`` writes a dated folder with a manifest, ``restore.restore`` reads one. Both raise :class:`Trouble`.
"""


class Trouble(Exception):
    """It cannot be done, with a sentence that says why and what to do."""
