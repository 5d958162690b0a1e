/** Texts by key in lower case: of several with one key the first counts. */
export function putText(texts: Map<string, string>, key: string, text: string): void {
  const lower = key.toLowerCase();
  if (!texts.has(lower)) texts.set(lower, text);
}

/** Most programs write UTF-8 whatever a format says; what is none is Latin-1. */
export function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return bytes.toString("latin1");
  }
}
