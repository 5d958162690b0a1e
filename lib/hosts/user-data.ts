import { readFileSync } from "node:fs";
import { join } from "node:path";

const script = join(import.meta.dirname, "user-data.sh");

/** EC2 takes no more, before base64. */
export const LONGEST_USER_DATA = 16_384;

/**
 * What an instance runs when it starts.
 *
 * @param minutes after which it ends itself, whatever happens
 */
export function userData(minutes: number): string {
  const [first = "", ...rest] = readFileSync(script, "utf8").split("\n");
  return [first, `MINUTES=${Math.ceil(minutes)}`, ...rest].join("\n");
}
