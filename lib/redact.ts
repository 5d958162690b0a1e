import { secretPatterns, soundsSecret } from "./secrets.ts";

/** What stands in the place of a secret. */
export const REDACTED = "[secret]";

/** Shorter values are ordinary words far more often than secrets, and would take text away everywhere. */
const SHORTEST_VALUE = 6;

/**
 * What is taken out whatever it is; the first group, where there is one, stays. Texts of strangers go through this, so none
 * may begin in many places of a run of characters that each of them reads to its end.
 */
const forms: readonly RegExp[] = [
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|$)/g,
  // A login in an address: all of it, as a token is often given in the user's place. `git@` is everybody's user.
  /((?<=[a-z0-9+.-]):\/\/)(?!git@)[^\s/?#@"'<>]+(?=@)/gi,
  /(\b(?:proxy-)?authorization["']?\s*[:=]\s*["']?)(?:(?:bearer|basic|token|negotiate)\s+)?[^\s"',;]+/gi,
  /(\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{12,}/gi,
  // An assignment or a parameter of an address whose name says what it is: `HF_TOKEN=…`, `&X-Amz-Signature=…`.
  /((?:token|secret|password|passwd|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|credentials?|signature)["']?\s*(?:=|:(?!\/\/))\s*["']?)[^\s"'&,;]+/gi,
  // Tokens that were cut short are still nobody's business.
  /(?<![A-Za-z0-9_])(?:gh[pousr]_|github_pat_|glpat-|xox[abposr]-)[A-Za-z0-9_-]{8,}/g,
  // The same beginnings are those of names such as hf_transfer and npm_config_cache.
  /(?<![A-Za-z0-9_-])(?:hf_|npm_|pul-|sk-(?:[a-z]+-)?)(?=[A-Za-z]*\d)[A-Za-z0-9]{16,}/g,
  /(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
  // Pulumi's own form of an encrypted value.
  /\bv1:[A-Za-z0-9+/=]{8,}:[A-Za-z0-9+/=]+/g,
  // Only the first beginning in a run of characters is tried: the others would end where that one does.
  /(?<![A-Za-z0-9_-])(?=([A-Za-z0-9_-]*?\b)eyJ)\1eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]+)?/g,
  ...secretPatterns.map(({ source }) => new RegExp(source, "g")),
];

/**
 * `text` without secrets: those that look like one, and every value of `secrets`, as it is, as JSON, as a part of an
 * address and in base64. To be used on everything that leaves the machine.
 */
export function redact(text: string, secrets: readonly string[] = []): string {
  const values = secrets
    .filter((value) => value.length >= SHORTEST_VALUE)
    .flatMap(spellings)
    .sort((a, b) => b.length - a.length);
  const without = values.reduce((rest, value) => rest.replaceAll(value, REDACTED), withoutEndlessRuns(text));
  return forms.reduce(
    (rest, form) =>
      rest.replace(form, (...match) => (typeof match[1] === "string" ? `${match[1]}${REDACTED}` : REDACTED)),
    without,
  );
}

/** Longer runs without a space, quote or comma are nothing that anybody reads, and overflow a regular expression. */
const LONGEST_RUN = 2 ** 20;
const ends = new Set([..." \t\r\n\"'`,;&<>"].map((character) => character.charCodeAt(0)));

function withoutEndlessRuns(text: string): string {
  if (text.length <= LONGEST_RUN) return text;
  const parts: string[] = [];
  let kept = 0;
  for (let start = 0, at = 0; at <= text.length; at++) {
    if (at < text.length && !ends.has(text.charCodeAt(at))) continue;
    if (at - start > LONGEST_RUN) {
      parts.push(text.slice(kept, start), REDACTED);
      kept = at;
    }
    start = at + 1;
  }
  return parts.length === 0 ? text : [...parts, text.slice(kept)].join("");
}

/** The same for every text inside a value; the names of fields are ours and stay. */
export function redactAll<T>(value: T, secrets: readonly string[] = []): T {
  if (typeof value === "string") return redact(value, secrets) as T;
  if (Array.isArray(value)) return value.map((entry) => redactAll(entry, secrets)) as T;
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [redact(key, secrets), redactAll(entry, secrets)]),
  ) as T;
}

/** The values of an environment whose names say that they are secret. */
export function secretValues(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(environment).flatMap(([name, value]) => (value && isSecretName(name) ? [value] : []));
}

function isSecretName(name: string): boolean {
  return soundsSecret(name) || /(PASSPHRASE|_AUTH|SESSION_TOKEN|COOKIE)$/i.test(name);
}

function spellings(value: string): string[] {
  return [
    value,
    value.trim(),
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    Buffer.from(value).toString("base64").replace(/=+$/, ""),
  ];
}
