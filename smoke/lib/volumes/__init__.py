"""Volumes that ComfyUI keeps its user's files in."""
