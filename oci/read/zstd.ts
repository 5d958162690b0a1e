/**
 * Node's zstd decompressor stops without an error at the end of the first frame when more follows in the same
 * write, and at any skippable frame (seen with Node 24.21; `zstd:chunked` layers end in such frames, and tools
 * that compress in parallel write several). An audit that reads half a layer and says "fine" is worse than none,
 * so the stream is cut at frame boundaries before it gets there.
 */
import { constants, createZstdDecompress } from "node:zlib";

const MAGIC = 0xfd2fb528;
/** The sixteen magic numbers 0x184D2A50 to 0x184D2A5F start frames that hold no content. */
const SKIPPABLE = 0x184d2a5;
const RLE_BLOCK = 1;

/** A decompressor for one zstd stream whose writes end at frame boundaries (`splitFrames`). */
export function createDecompressor() {
  return createZstdDecompress({
    // Large chunks: each one is a trip to the thread pool, and a layer has thousands.
    chunkSize: 1024 * 1024,
    // `zstd --long=31` is the most that the format's tools write.
    params: { [constants.ZSTD_d_windowLogMax]: 31 },
  });
}

/**
 * The same bytes without skippable frames, and cut so that no chunk holds parts of two frames.
 *
 * @throws Error when the bytes are not zstd frames.
 */
export async function* splitFrames(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const parser = new FrameParser();
  for await (const chunk of chunks) yield* parser.push(chunk);
}

type State =
  | { readonly step: "magic" | "skipSize" | "descriptor" | "block"; readonly need: number }
  | { readonly step: "header" | "payload" | "checksum" | "skip"; left: number };

/** Follows the frame format (RFC 8878, section 3.1) just far enough to know where frames end. */
class FrameParser {
  private state: State = { step: "magic", need: 4 };
  private field: number[] = [];
  private hasChecksum = false;
  private lastBlock = false;

  *push(chunk: Buffer): Generator<Buffer> {
    let at = 0;
    let start = 0;
    while (at < chunk.length) {
      const state = this.state;
      if ("left" in state) {
        const step = Math.min(state.left, chunk.length - at);
        at += step;
        state.left -= step;
        if (state.step === "skip") start = at;
        if (state.left > 0) continue;
        if (this.finishRun(state.step)) {
          if (at > start) yield chunk.subarray(start, at);
          start = at;
        }
        continue;
      }
      this.field.push(chunk[at++] ?? 0);
      if (this.field.length < state.need) continue;
      const value = this.field.reduce((sum, byte, index) => sum + byte * 2 ** (8 * index), 0);
      const field = this.field;
      this.field = [];
      const isContent = this.finishField(state.step, value);
      // A magic number is held back until it is known to start a frame with content.
      if (state.step === "magic") {
        if (isContent) yield Buffer.from(field);
        start = at;
      } else if (state.step === "skipSize") {
        start = at;
      } else if (this.state.step === "magic") {
        // An empty last block ends its frame without a payload.
        yield chunk.subarray(start, at);
        start = at;
      }
    }
    const heldBack =
      this.state.step === "magic" || this.state.step === "skipSize" || this.state.step === "skip";
    if (!heldBack && at > start) yield chunk.subarray(start, at);
  }

  /** Returns whether what was read belongs to a frame with content. */
  private finishField(step: "magic" | "skipSize" | "descriptor" | "block", value: number): boolean {
    switch (step) {
      case "magic":
        if (Math.floor(value / 16) === SKIPPABLE) {
          this.state = { step: "skipSize", need: 4 };
          return false;
        }
        if (value !== MAGIC) throw new Error("this is not zstd data: a frame starts with the wrong bytes");
        this.state = { step: "descriptor", need: 1 };
        return true;
      case "skipSize":
        this.state = value === 0 ? { step: "magic", need: 4 } : { step: "skip", left: value };
        return false;
      case "descriptor": {
        const singleSegment = (value & 0x20) !== 0;
        const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][value >> 6] ?? 0;
        const dictionary = [0, 1, 2, 4][value & 3] ?? 0;
        this.hasChecksum = (value & 0x04) !== 0;
        const left = (singleSegment ? 0 : 1) + dictionary + contentSize;
        this.state = { step: "header", left };
        return true;
      }
      case "block": {
        this.lastBlock = (value & 1) !== 0;
        const left = ((value >> 1) & 3) === RLE_BLOCK ? 1 : value >> 3;
        this.state = { step: "payload", left };
        if (left === 0) this.finishRun("payload");
        return true;
      }
    }
  }

  /** Returns whether a frame, or a skipped one, ended here. */
  private finishRun(step: "header" | "payload" | "checksum" | "skip"): boolean {
    if (step === "header" || (step === "payload" && !this.lastBlock)) {
      this.state = { step: "block", need: 3 };
      return false;
    }
    if (step === "payload" && this.hasChecksum) {
      this.state = { step: "checksum", left: 4 };
      return false;
    }
    this.state = { step: "magic", need: 4 };
    return true;
  }
}
