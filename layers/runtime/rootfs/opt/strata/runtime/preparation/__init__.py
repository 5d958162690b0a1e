"""What has to be ready before ComfyUI starts: its volume, its options, access to it. Standard library only."""
