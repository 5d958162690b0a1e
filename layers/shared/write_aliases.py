"""Usage: write_aliases.py FILE SITE_PACKAGES. Writes metadata of distributions that another one stands in for.

Each line of FILE is `name version target`. Four distributions bring the module cv2, and each installs over the others;
one of them is in the image, and for the others there is this metadata, which asks for it. So the requirements of all
packages are met, and nothing installs one of them later.
"""

import sys
from pathlib import Path


def write_alias(name: str, version: str, target: str, site_packages: Path) -> None:
    """A distribution without files (https://packaging.python.org/en/latest/specifications/recording-installed-packages)."""
    folder = site_packages / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        f"Summary: {target} stands in for it\nRequires-Dist: {target}=={version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: strata\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "INSTALLER": "strata\n",
    }
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    names = "".join(f"{folder.name}/{file},,\n" for file in [*files, "RECORD"])
    (folder / "RECORD").write_text(names, encoding="utf-8")


def main(file: Path, site_packages: Path) -> None:
    """One alias a line."""
    for line in file.read_text(encoding="utf-8").splitlines():
        name, version, target = line.split()
        write_alias(name, version, target, site_packages)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
