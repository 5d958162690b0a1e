import { z } from "zod";
import type { Home } from "../../home.ts";
import { recall, writeJson } from "../program/files.ts";
import { note } from "../program/progress.ts";
import type { Outcome } from "./attempts.ts";
import type { TestHost } from "./test-host.ts";

/** A machine that failed an image which another one passed. */
const suspect = z.strictObject({
  at: z.iso.datetime(),
  /** The image. */
  digest: z.string(),
  failed: z.array(z.string()),
});
const schema = z.record(z.string(), suspect);
/** By the machine's name. */
export type Suspects = z.infer<typeof schema>;

/** The machines that failed alone in tests of this clone. */
export async function readSuspects(home: Home): Promise<Suspects> {
  return (await recall(home.suspects, schema)) ?? {};
}

/** Hosts in the order in which they are asked: a machine that failed alone comes after the others. */
export function suspectsLast(hosts: readonly TestHost[], suspects: Suspects): TestHost[] {
  const [last, first] = [
    hosts.filter(({ name }) => name in suspects),
    hosts.filter(({ name }) => !(name in suspects)),
  ];
  for (const { name } of last) {
    const { at = "", failed = [] } = suspects[name] ?? {};
    note(`${name} is asked last: ${failed.join(", ")} failed there alone on ${at}`);
  }
  return [...first, ...last];
}

/** Remembers who failed alone. Who passes an image is none any more. */
export async function rememberSuspects(
  home: Home,
  digest: string,
  { tested, machine, secondOpinion }: Outcome,
  at = new Date().toISOString(),
): Promise<void> {
  const before = await readSuspects(home);
  const after = { ...before };
  if (machine && tested?.report.verdict === "pass") delete after[machine];
  if (secondOpinion?.outcome === "contradicted")
    after[secondOpinion.machine] = { at, digest, failed: [...secondOpinion.failed] };
  if (JSON.stringify(after) !== JSON.stringify(before)) await writeJson(home.suspects, after);
}
