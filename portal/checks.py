"""System checks of the whole installation. Each has an id, a hint and a test."""
