"""Makes the files beside it: pictures, videos and sounds with a workflow in them, by the calls of the nodes that save such.

Usage: python3 tests/support/saved/make.py, with av 18.1.0, pillow 13.0.0 and numpy installed. The calls are those of
comfy_api/latest/_ui.py, comfy_extras/nodes_images.py and nodes_video.py of Comfy-Org/ComfyUI, of videohelpersuite/nodes.py
of Kosinkadink/ComfyUI-VideoHelperSuite (with `comment`: as it was until 2025), and of Image Save of
WASasquatch/was-node-suite-comfyui.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

FOLDER = Path(__file__).parent
PROMPT = {
    "1": {"class_type": "UNETLoader", "inputs": {"unet_name": "sent.safetensors", "note": "é"}},
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0]}},
}
MODEL = {"name": "sent.safetensors", "directory": "diffusion_models", "url": "https://example.org/sent.safetensors"}
WORKFLOW = {
    "nodes": [
        {"id": 1, "type": "UNETLoader", "widgets_values": ["drawn.safetensors"], "properties": {"models": [MODEL]}},
        {"id": 2, "type": "SaveImage", "inputs": [{"name": "images", "link": 1}]},
    ],
    "links": [[1, 1, 0, 2, 0, "IMAGE"]],
}
TAGS = {"prompt": json.dumps(PROMPT), "workflow": json.dumps(WORKFLOW)}
COMMENT = {"comment": json.dumps({"prompt": json.dumps(PROMPT), "workflow": WORKFLOW})}
USE_TAGS = {"movflags": "use_metadata_tags"}


def video(name: str, codec: str, tags: dict[str, str], options: dict[str, str] | None = None) -> None:
    """One black picture."""
    with av.open(str(FOLDER / name), mode="w", options=options or {}) as container:
        container.metadata.update(tags)
        stream = container.add_stream(codec, rate=Fraction(8, 1))
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def sound(name: str, codec: str) -> None:
    """A moment of silence."""
    with av.open(str(FOLDER / name), mode="w") as container:
        container.metadata.update(TAGS)
        stream = container.add_stream(codec, rate=48000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 2400), np.int16), format="s16", layout="mono")
        silence.sample_rate = 48000
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=48000)
        for frame in resampler.resample(silence):
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def pictures() -> None:
    """An animated PNG and WebP, and what the suite of WAS saves."""
    first, second = (Image.new("RGB", (1, 1), (value, 0, 0)) for value in (0, 255))
    chunks = PngInfo()
    for key, text in TAGS.items():
        chunks.add(b"comf", key.encode("latin-1") + b"\0" + text.encode("latin-1"), after_idat=True)
    more: dict[str, Any] = {"save_all": True, "append_images": [second]}
    first.save(FOLDER / "animated.png", pnginfo=chunks, **more)
    exif = first.getexif()
    exif[0x0110] = f"prompt:{TAGS['prompt']}"
    exif[0x010F] = f"workflow:{TAGS['workflow']}"
    first.save(FOLDER / "animated.webp", exif=exif, **more)
    exif = Image.Exif()
    exif[0x010F] = f"Prompt:{TAGS['prompt']}"
    exif[0x010E] = f"Workflow:{TAGS['workflow']}"
    first.save(FOLDER / "was.jpg", exif=exif.tobytes())


if __name__ == "__main__":
    video("tags.mp4", "mpeg4", TAGS, USE_TAGS)
    video("tags.mov", "mpeg4", TAGS, USE_TAGS)
    video("packed-twice.mp4", "mpeg4", {key: json.dumps(text) for key, text in TAGS.items()}, USE_TAGS)
    video("comment.mp4", "mpeg4", COMMENT)
    video("comment.mov", "mpeg4", COMMENT)
    video("tags.webm", "libvpx-vp9", TAGS)
    video("tags.mkv", "ffv1", TAGS)
    video("comment.webm", "libvpx-vp9", COMMENT)
    sound("tags.flac", "flac")
    sound("tags.opus", "libopus")
    sound("tags.mp3", "libmp3lame")
    pictures()
