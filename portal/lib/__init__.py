"""What every app may use: no app is imported from here."""
