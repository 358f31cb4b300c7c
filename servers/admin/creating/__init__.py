"""Blueprints, and the requests that are made from them."""
