import { z } from "zod";
import { UserError } from "../../errors.ts";

/**
 * The mirrors that git sources are read through: `--mirror PREFIX=REPLACEMENT`, each before those of the variable
 * STRATA_MIRRORS, which is written as the setting `strata:mirrors` is.
 */
export function readMirrors(
  options: readonly string[],
  variable: string | undefined = process.env.STRATA_MIRRORS,
): Record<string, string> {
  const given = options.map((option) => {
    const [, prefix, replacement] = /^([^=]+)=(.+)$/.exec(option) ?? [];
    if (prefix && replacement) return [prefix, replacement] as const;
    throw new UserError(
      "--mirror",
      `expected PREFIX=REPLACEMENT, got "${option}".`,
      "For instance: --mirror https://github.com/=https://mirror.example.com/github/",
    );
  });
  return { ...fromVariable(variable), ...Object.fromEntries(given) };
}

function fromVariable(text: string | undefined): Record<string, string> {
  if (!text) return {};
  try {
    return z.record(z.string(), z.string()).parse(JSON.parse(text));
  } catch {
    throw new UserError(
      "STRATA_MIRRORS",
      `expected a JSON object of strings, got "${text.slice(0, 80)}".`,
      'For instance: {"https://github.com/": "https://mirror.example.com/github/"}',
    );
  }
}
