import { exifTextsOfJpeg, exifTextsOfWebp, isJpeg, isWebp } from "./exif.ts";
import { id3Texts, isId3 } from "./id3.ts";
import { isMp4, mp4Texts } from "./mp4.ts";
import { isPng, pngTexts } from "./png.ts";
import { flacTexts, isFlac, isOgg, oggTexts } from "./vorbis.ts";
import { isWebm, webmTexts } from "./webm.ts";

/** What a file says beside its pictures and sounds, by key in lower case. */
export interface SavedTexts {
  /** `PNG`: in messages. */
  readonly kind: string;
  readonly texts: ReadonlyMap<string, string>;
}

interface Reader {
  readonly kind: string;
  readonly is: (bytes: Buffer) => boolean;
  readonly read: (bytes: Buffer, path: string) => Map<string, string>;
}

/**
 * The files in which ComfyUI and its common nodes leave a workflow. Written by comfy_api/latest/_ui.py (PNG, animated PNG,
 * WebP, FLAC, MP3, Opus), comfy_extras/nodes_video.py (WebM, MP4) of Comfy-Org/ComfyUI; videohelpersuite/nodes.py of
 * Kosinkadink/ComfyUI-VideoHelperSuite (MP4, WebM, Matroska); Image Save of WASasquatch/was-node-suite-comfyui (JPEG).
 */
const readers: readonly Reader[] = [
  { kind: "PNG", is: isPng, read: pngTexts },
  { kind: "WebP", is: isWebp, read: exifTextsOfWebp },
  { kind: "JPEG", is: isJpeg, read: exifTextsOfJpeg },
  { kind: "video (MP4)", is: isMp4, read: mp4Texts },
  { kind: "video (WebM)", is: isWebm, read: webmTexts },
  { kind: "sound (FLAC)", is: isFlac, read: flacTexts },
  { kind: "sound (Ogg)", is: isOgg, read: oggTexts },
  { kind: "sound (MP3)", is: isId3, read: id3Texts },
];

/** What `bytes` hold beside pictures and sounds; undefined where they are no container that is known. */
export function readContainer(bytes: Buffer, path: string): SavedTexts | undefined {
  const reader = readers.find(({ is }) => is(bytes));
  return reader && { kind: reader.kind, texts: reader.read(bytes, path) };
}
