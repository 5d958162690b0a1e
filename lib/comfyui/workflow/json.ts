/** Texts inside of texts: some savers pack what is packed already. */
const DEEPEST = 3;

/**
 * JSON as Python writes it, with `NaN` and `Infinity` as null; no input that matters here is one. A text that is a packed
 * value itself is unpacked. Throws where it is none.
 */
export function parsePythonJson(text: string): unknown {
  let value = parseOnce(text);
  for (let depth = 0; depth < DEEPEST && typeof value === "string" && /^\s*[{["]/.test(value); depth++) {
    value = parseOnce(value);
  }
  return value;
}

function parseOnce(text: string): unknown {
  const plain = withoutEnd(text.replace(/^\ufeff/, ""));
  try {
    return JSON.parse(plain);
  } catch (error) {
    const other = withoutNaN(plain);
    if (other === plain) throw error;
    return JSON.parse(other);
  }
}

/** Without zeros and blanks at its end; looked at from there, as blanks in the middle may be many. */
function withoutEnd(text: string): string {
  let end = text.length;
  while (end > 0 && /[\0\s]/.test(text[end - 1] ?? "")) end--;
  return text.slice(0, end);
}

/** The text with what Python calls numbers as null, strings untouched; each character is looked at once or twice. */
function withoutNaN(text: string): string {
  const parts: string[] = [];
  for (let start = 0; start < text.length; ) {
    const quote = text.indexOf('"', start);
    const outside = text.slice(start, quote < 0 ? undefined : quote);
    parts.push(outside.replace(/-?\b(?:NaN|Infinity)\b/g, "null"));
    if (quote < 0) break;
    start = endOfString(text, quote);
    parts.push(text.slice(quote, start));
  }
  return parts.join("");
}

function endOfString(text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
  return text.length;
}
