import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bill } from "../bill/component.ts";
import { canonicalJson } from "../canonical-json.ts";

/**
 * Writes a bill to `<folder>/<recipe>-<hash>.json`, once: the content decides the name. A stack's state names the file, as a
 * bill has hundreds of hashes.
 *
 * @returns the file
 */
export function writeBill(folder: string, bill: Bill): string {
  const text = canonicalJson(bill);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 20);
  const file = join(folder, `${bill.recipe}-${hash}.json`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text);
  renameSync(draft, file);
  return file;
}
