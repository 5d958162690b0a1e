"""Fetches models by a manifest: in a build, and when a container starts."""
