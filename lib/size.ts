/** Sizes as people write them. */
import { UserError } from "../errors.ts";

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

/**
 * Parses `3.3 GB`, `500MB` or `2 GiB` to bytes. GB are powers of 1000, GiB of 1024.
 *
 * @param where named in the error: an option, a label
 */
export function parseSize(text: string, where: string): number {
  const [, number, unit = ""] = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?i?B)\s*$/i.exec(text) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  if (number === undefined || factor === undefined) {
    throw new UserError(where, `expected a size, got "${text}".`, "Write it like 3.3 GB or 500 MiB.");
  }
  return Math.round(Number(number) * factor);
}
