/** What secrets look like, in files and in an image's configuration. */

/** Text of files larger than this is not searched. Bytes. */
export const LARGEST_TEXT = 1_000_000;

interface Pattern {
  readonly kind: string;
  /** A literal that every match holds: searching it first spares the regular expression. */
  readonly needle: string;
  readonly expression: RegExp;
}

const PATTERNS: readonly Pattern[] = [
  {
    kind: "private key",
    needle: "PRIVATE KEY",
    // With its first line of content: programs that merely know the marker are no secret. JSON writes \n for new lines.
    expression:
      /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\n)+(?:[A-Za-z-]+: [^\n\\]*(?:\n|\\n)(?:\s|\\n)*)*[A-Za-z0-9+/=]{40}/,
  },
  {
    kind: "Hugging Face token",
    needle: "hf_",
    expression: /(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{34,}(?![A-Za-z0-9_])/,
  },
  {
    kind: "GitHub token",
    needle: "gh",
    expression: /(?<![A-Za-z0-9_])gh[pousr]_[A-Za-z0-9]{36,}(?![A-Za-z0-9_])/,
  },
  {
    kind: "GitHub token",
    needle: "github_pat_",
    expression: /(?<![A-Za-z0-9_])github_pat_[A-Za-z0-9_]{60,}(?![A-Za-z0-9_])/,
  },
  // Amazon's own documentation uses keys that end in EXAMPLE, and libraries quote it.
  {
    kind: "AWS access key",
    needle: "AKIA",
    expression: /(?<![A-Za-z0-9])AKIA(?![A-Z0-9]*EXAMPLE)[A-Z0-9]{16}(?![A-Za-z0-9])/,
  },
  { kind: "npm token", needle: "npm_", expression: /(?<![A-Za-z0-9_])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_])/ },
  { kind: "GitLab token", needle: "glpat-", expression: /(?<![A-Za-z0-9_-])glpat-[A-Za-z0-9_-]{20,}/ },
];

/** What a secret of each kind looks like, for those who take secrets out instead of counting them. */
export const secretPatterns: readonly RegExp[] = PATTERNS.map(({ expression }) => expression);

/** Fewer different characters than this is a placeholder: `hf_xxxxxxxx…`. */
const FEWEST_CHARACTERS = 10;

/** Files that are secrets by their name. With `content`, only when it matches as well. */
const NAMES: readonly { readonly kind: string; readonly path: RegExp; readonly content?: RegExp }[] = [
  { kind: "SSH key file", path: /(^|\/)id_(rsa|dsa|ecdsa|ed25519)$/ },
  { kind: "npm login", path: /(^|\/)\.npmrc$/, content: /_(authToken|auth|password)\s*=\s*[^\s$]/ },
  { kind: "netrc login", path: /(^|\/)[._]netrc$/, content: /\bpassword\s+\S/ },
  { kind: "PyPI login", path: /(^|\/)\.pypirc$/, content: /^\s*password\s*[=:]\s*\S/m },
  { kind: "git login", path: /(^|\/)\.git-credentials$/ },
  {
    kind: "registry login",
    path: /(^|\/)\.docker\/config\.json$/,
    content: /"(auth|identitytoken)"\s*:\s*"[^"]/,
  },
  { kind: "AWS login", path: /(^|\/)\.aws\/credentials$/ },
  { kind: "Kubernetes login", path: /(^|\/)\.kube\/config$/ },
  { kind: "Hugging Face login", path: /(^|\/)(\.cache\/huggingface|\.huggingface)\/(token|stored_tokens)$/ },
];

const URL_WITH_PASSWORD = /\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@$"']+:([^\s/@$"']+)@/i;

/**
 * The kinds of secret in a file.
 *
 * @param path without a leading slash
 * @param content the whole file, or undefined when it is larger than `LARGEST_TEXT` or empty
 */
export function secretsInFile(path: string, content: Buffer | undefined): string[] {
  if (content?.length === 0) return [];
  const text = content && isText(content) ? content : undefined;
  const byName = NAMES.filter((rule) => rule.path.test(path)).filter(
    (rule) => !rule.content || (text !== undefined && rule.content.test(text.toString("latin1"))),
  );
  // Once as bytes: nearly all files hold none of the literals and need not become a string.
  const mayHold = text !== undefined && PATTERNS.some(({ needle }) => text.includes(needle, 0, "latin1"));
  return [...byName.map(({ kind }) => kind), ...(mayHold ? secretsInText(text.toString("latin1")) : [])];
}

/** The kinds of secret in a text. */
export function secretsInText(text: string): string[] {
  const kinds = PATTERNS.filter(({ needle, expression }) => {
    if (!text.includes(needle)) return false;
    const matches = text.match(new RegExp(expression, "g")) ?? [];
    return matches.some((match) => new Set(match).size >= FEWEST_CHARACTERS);
  }).map(({ kind }) => kind);
  return [...new Set(kinds)];
}

/** Like `secretsInText`, for configuration, where an address with a password is a secret too. */
export function secretsInConfigText(text: string): string[] {
  return [...secretsInText(text), ...(URL_WITH_PASSWORD.test(text) ? ["password in an address"] : [])];
}

/** Whether a variable's name says that its value is secret: `HF_TOKEN`, `DB_PASSWORD`. */
export function soundsSecret(name: string): boolean {
  return /(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIALS)$/i.test(name);
}

function isText(content: Buffer): boolean {
  return !content.subarray(0, 8192).includes(0);
}
