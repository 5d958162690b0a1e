"""What the image's libraries ask for and hold; the stage `verify` reads elf.py and optional_libraries.py, too."""
