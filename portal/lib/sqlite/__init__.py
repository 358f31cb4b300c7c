"""Django's backend for SQLite, for connections that are kept from one request to the next."""
