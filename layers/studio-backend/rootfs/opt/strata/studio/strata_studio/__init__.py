"""ComfyUI's part of the image's service, in images that hold ComfyUI. `strata_backend` finds and attaches it.

Nothing is imported here, because from_hub.py, a program of its own in this package, needs nothing of the rest.
"""
