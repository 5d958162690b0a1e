"""Fetches models: in a build, when a container starts, and when somebody orders one from the image's service."""
