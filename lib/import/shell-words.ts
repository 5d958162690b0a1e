import { parse } from "shell-quote";

/** A command as a shell would call it: words alone; null for a word that only a running shell knows. */
export type Command = readonly (string | null)[];

const separators = new Set(["&&", "||", ";", ";;", "|", "|&", "&", "(", ")", "{", "}"]);
const redirections = new Set([">", ">>", "<", ">&", "<&", "<<", "<<<"]);
/** Words that begin a part of a script, not a command. */
const keywords = new Set(["if", "then", "else", "elif", "fi", "do", "done", "while", "for", "{", "}", "!"]);

/**
 * The commands of a shell's text, in order, whatever decides whether they run. Nothing is run or replaced but
 * `variables`.
 */
export function shellCommands(text: string, variables: (name: string) => string | undefined): Command[] {
  const commands: (string | null)[][] = [[]];
  let isTarget = false;
  const add = (word: string | null) => {
    // `> /dev/null`: where its output goes is nobody's argument.
    if (!isTarget) commands.at(-1)?.push(word);
    isTarget = false;
  };
  for (const line of text.split("\n")) {
    commands.push([]);
    for (const token of parse(line, (name) => variables(name) ?? { op: UNKNOWN as never })) {
      if (typeof token === "string") add(token.includes("`") ? null : token);
      else if ("comment" in token) break;
      else if ("pattern" in token) add(token.pattern);
      else if (redirections.has(token.op)) isTarget = true;
      else if (separators.has(token.op)) commands.push([]);
      else add(null);
    }
  }
  return commands.map(withoutKeywords).filter((words) => words.length > 0);
}

const UNKNOWN = "unknown";

/** `if command`, `VARIABLE=value command`. */
function withoutKeywords(words: (string | null)[]): Command {
  const start = words.findIndex((word) => word === null || !(keywords.has(word) || /^\w+=/.test(word)));
  return start < 0 ? [] : words.slice(start);
}

/** A command's words by kind: `--url X` and `--url=X` as options, the rest as they come. */
export function optionsOf(words: Command, withValue: readonly string[]) {
  const options = new Map<string, string | null>();
  const rest: (string | null)[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? null;
    const [, name = "", value] = /^(--?[\w-]+)(?:=(.*))?$/s.exec(word ?? "") ?? [];
    if (name === "") rest.push(word);
    else if (value !== undefined) options.set(name, value);
    else if (withValue.includes(name)) options.set(name, words[++at] ?? null);
    else options.set(name, "");
  }
  return { options, rest };
}
