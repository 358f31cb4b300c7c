"""What there is to tell of an incident: what happened in which order, what changed before it, what was like it."""
