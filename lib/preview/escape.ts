/**
 * Text of others (file names, versions, messages) for GitHub's Markdown. Whatever a pull request puts into a preview
 * stays text there: no link, no mention of a person, no HTML, no second comment inside the first.
 */

/** Control characters, and those that turn the direction of text round or cannot be seen. */
const invisible =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** One line, everything in it visible. */
export function plain(text: string): string {
  return text.replace(/[\n\r\t]+/g, " ").replace(invisible, "\u{fffd}");
}

/** As code: the only place where Markdown, mentions and references mean nothing. Longer fences hold backticks. */
export function code(text: string): string {
  const line = plain(text).trim();
  if (line === "") return "";
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  const space = longest > 0 ? " " : "";
  return `${fence}${space}${line}${space}${fence}`;
}

/** Several lines as a block of code. */
export function codeBlock(text: string): string {
  const lines = text.replace(/\r\n?/g, "\n").split("\n").map(plain);
  const longest = Math.max(2, ...[...lines.join("\n").matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return [`${fence}text`, ...lines, fence].join("\n");
}

/** Inside a cell of a table, where a bar ends the cell even within code. */
export function cell(markdown: string): string {
  return markdown.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll("\n", " ");
}

/** Inside HTML: `<summary>` is no Markdown. */
export function html(text: string): string {
  return plain(text).replace(/[&<>"'@`[\]()*_\\#]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Pages that compare two commits, on hosts that everybody knows: what a stranger's preview may link to. */
const comparePages = [
  /^https:\/\/(?:github\.com|codeberg\.org)(?:\/\w[\w.-]*){2}\/compare\/[0-9a-f]{7,40}\.\.\.[0-9a-f]{7,40}$/,
  /^https:\/\/gitlab\.com(?:\/\w[\w.-]*){2,}\/-\/compare\/[0-9a-f]{7,40}\.\.\.[0-9a-f]{7,40}$/,
];

/** The link to such a page; undefined for every other address. */
export function knownCompareLink(address: string): string | undefined {
  return comparePages.some((page) => page.test(address)) ? link("compare", address) : undefined;
}

/** Words of ours around the code of others need no escape; a link's address does. */
export function link(text: string, address: string): string {
  if (!/^https:\/\/[^\s]+$/.test(address)) return text;
  const safe = encodeURI(decodeURI_(address)).replace(
    /[()<>"'`\\|]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `[${text}](${safe})`;
}

/** An address that is encoded already is not encoded twice. */
function decodeURI_(address: string): string {
  try {
    return decodeURI(address);
  } catch {
    return address;
  }
}

/** A label of a Mermaid graph, between its double quotes. */
export function label(text: string): string {
  return plain(text).replace(/[^\p{L}\p{N} .,:;/+_()→-]/gu, (character) => `#${character.codePointAt(0)};`);
}
