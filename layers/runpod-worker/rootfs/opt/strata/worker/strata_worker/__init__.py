"""Computes RunPod's jobs with the ComfyUI of this container. Format of jobs and answers: docs/runpod.md.

Uses ComfyUI's part of the image's service (strata_studio): its client, its events, its access to the process manager.
"""
