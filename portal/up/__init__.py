"""What ``manage.py up`` is made of: an installation's folders, its programs, and the supervisor that keeps them."""
