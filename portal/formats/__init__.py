"""How dates are written, where the forms of a language do not do."""
