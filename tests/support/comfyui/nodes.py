"""Built-in node classes, and how the classes of custom nodes are found. The log has the form of the real one's."""

from __future__ import annotations

import importlib.util
import logging
import os
import runpy
import struct
import sys
import time
import traceback
import zlib
from pathlib import Path
from typing import Any

import folder_paths

LOG = logging.getLogger("comfyui")
# A picture is one colour: (width, height, (red, green, blue)).
Image = tuple[int, int, tuple[int, ...]]


class EmptyImage:
    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        number = ("INT", {"default": 512, "min": 1, "max": 16384})
        colour = ("INT", {"default": 0, "min": 0, "max": 0xFFFFFF})
        return {"required": {"width": number, "height": number, "batch_size": number, "color": colour}}

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "generate"
    CATEGORY = "image"

    def generate(self, width: int, height: int, batch_size: int, color: int) -> tuple[Image]:
        return ((width, height, tuple(color.to_bytes(3, "big"))),)


class ImageScale:
    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        number = ("INT", {"default": 512, "min": 0, "max": 16384})
        methods, crops = (["nearest-exact", "bilinear", "area"],), (["disabled", "center"],)
        return {
            "required": {
                "image": ("IMAGE",),
                "upscale_method": methods,
                "width": number,
                "height": number,
                "crop": crops,
            }
        }

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "upscale"
    CATEGORY = "image/upscaling"

    def upscale(self, image: Image, upscale_method: str, width: int, height: int, crop: str) -> tuple[Image]:
        return ((width, height, image[2]),)


class ImageBlur:
    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        radius = ("INT", {"default": 1, "min": 1, "max": 31})
        sigma = ("FLOAT", {"default": 1.0, "min": 0.1, "max": 10.0})
        return {"required": {"image": ("IMAGE",), "blur_radius": radius, "sigma": sigma}}

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "blur"
    CATEGORY = "image/filters"

    def blur(self, image: Image, blur_radius: int, sigma: float) -> tuple[Image]:
        return (image,)


class ImageInvert:
    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"image": ("IMAGE",)}}

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "invert"
    CATEGORY = "image"

    def invert(self, image: Image) -> tuple[Image]:
        return ((*image[:2], tuple(255 - part for part in image[2])),)


class SaveImage:
    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        return {"required": {"images": ("IMAGE",), "filename_prefix": ("STRING", {"default": "ComfyUI"})}}

    RETURN_TYPES = ()
    FUNCTION = "save_images"
    OUTPUT_NODE = True
    CATEGORY = "image"

    def save_images(self, images: Image, filename_prefix: str = "ComfyUI") -> dict[str, Any]:
        folder = folder_paths.output_directory
        folder.mkdir(parents=True, exist_ok=True)
        number = 1 + sum(1 for _ in folder.glob(f"{filename_prefix}_*.png"))
        name = f"{filename_prefix}_{number:05}_.png"
        (folder / name).write_bytes(png(*images))
        return {"ui": {"images": [{"filename": name, "subfolder": "", "type": "output"}]}}


def png(width: int, height: int, colour: tuple[int, ...]) -> bytes:
    """A picture of one colour, without filters."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(colour) * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


NODE_CLASS_MAPPINGS: dict[str, Any] = {
    "EmptyImage": EmptyImage,
    "ImageScale": ImageScale,
    "ImageBlur": ImageBlur,
    "ImageInvert": ImageInvert,
    "SaveImage": SaveImage,
}
NODE_DISPLAY_NAME_MAPPINGS = {"ImageScale": "Upscale Image", "SaveImage": "Save Image"}


def find_modules() -> list[Path]:
    """Folders and files that may be custom nodes."""
    if folder_paths.args.disable_all_custom_nodes:
        return []
    found = [folder / name for folder in folder_paths.custom_nodes if folder.is_dir() for name in os.listdir(folder)]
    return [
        path
        for path in found
        if (path.is_dir() or path.suffix == ".py") and path.name != "__pycache__" and path.suffix != ".disabled"
    ]


def run_prestartup_scripts() -> None:
    """`prestartup_script.py` of each node, before anything else is imported."""
    times = []
    for path in find_modules():
        script, before, failed = path / "prestartup_script.py", time.perf_counter(), ""
        if not script.exists():
            continue
        try:
            runpy.run_path(str(script))
        except Exception as error:  # noqa: BLE001 - nodes raise what they like
            LOG.error("Failed to execute startup-script: %s / %s", script, error)
            failed = " (PRESTARTUP FAILED)"
        times.append((time.perf_counter() - before, failed, path))
    log_times("Prestartup", times)


def load_custom_nodes() -> None:
    """Imports every custom node; one that fails costs only itself."""
    times = []
    for path in find_modules():
        before = time.perf_counter()
        times.append((time.perf_counter() - before, "" if load(path) else " (IMPORT FAILED)", path))
    log_times("Import", times)


def load(path: Path) -> bool:
    """Whether the node imports and has classes."""
    name = path.stem if path.is_file() else str(path).replace(".", "_x_")
    try:
        spec = importlib.util.spec_from_file_location(name, path if path.is_file() else path / "__init__.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - nodes raise what they like
        LOG.warning(traceback.format_exc())
        LOG.warning("Cannot import %s module for custom nodes: %s", path, error)
        return False
    classes = getattr(module, "NODE_CLASS_MAPPINGS", None)
    if classes is None:
        LOG.warning("Skip %s module for custom nodes due to the lack of NODE_CLASS_MAPPINGS.", path)
        return False
    for kind in classes.values():
        kind.RELATIVE_PYTHON_MODULE = f"custom_nodes.{path.stem}"
    NODE_CLASS_MAPPINGS.update(classes)
    NODE_DISPLAY_NAME_MAPPINGS.update(getattr(module, "NODE_DISPLAY_NAME_MAPPINGS", {}))
    return True


def log_times(what: str, times: list[tuple[float, str, Path]]) -> None:
    """The list that ComfyUI writes when all nodes have been tried."""
    if times:
        LOG.info("\n%s times for custom nodes:", what)
        for seconds, failed, path in sorted(times):
            LOG.info("%6.1f seconds%s: %s", seconds, failed, path)
        LOG.info("")
