"""The version, as ComfyUI has it in a file of its own."""

__version__ = "0.33.0"
