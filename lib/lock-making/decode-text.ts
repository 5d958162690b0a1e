const marks = [
  { encoding: "utf-16le", bytes: [0xff, 0xfe] },
  { encoding: "utf-16be", bytes: [0xfe, 0xff] },
] as const;

/** So much of a file tells how it is written. */
const SAMPLE = 2_000;

/**
 * A file of a repository as text: UTF-8, or UTF-16 as Windows' tools write it, with its mark or without. What is
 * neither comes with NULs, which no text has.
 */
export function decodeText(bytes: Uint8Array): string {
  const marked = marks.find((mark) => mark.bytes.every((byte, index) => bytes[index] === byte));
  // UTF-32 begins with the same two bytes, and its text has NULs then.
  const encoding = marked?.encoding ?? unmarked(bytes) ?? "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

/** Letters of requirements have one zero byte in two, nearly always on the same side. */
function unmarked(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (bytes.length % 2 === 1) return undefined;
  const sample = bytes.subarray(0, SAMPLE);
  const zerosAt = (side: number) => sample.filter((byte, index) => byte === 0 && index % 2 === side).length;
  const [first, second] = [zerosAt(0), zerosAt(1)];
  const isMost = (count: number, other: number) => count > sample.length / 4 && other < count / 8;
  if (isMost(second, first)) return "utf-16le";
  return isMost(first, second) ? "utf-16be" : undefined;
}

/** Whether bytes that were read as text are none. */
export function isNoText(text: string): boolean {
  return text.includes("\0");
}
