import { type Home, projectFolder } from "../../home.ts";
import { outvoting, recordedPass } from "../../lib/evidence/evidence-terms.ts";
import type { PreviousStack } from "../../lib/preview/preview-stack.ts";
import { noPreviousStack, previousFromRecord } from "../../lib/preview/previous-stack.ts";
import { recordedStack } from "../../lib/state/recorded-stack.ts";
import { pulumiEnvironment } from "../program/environment.ts";
import { ownEvidence } from "../promotion/own-evidence.ts";
import type { ReadState } from "../stack/outputs.ts";
import type { Stack } from "../stack/stack.ts";

/** What a stack's last update left in its state, however it ended. */
export function previousFromState(read: ReadState): PreviousStack {
  return "missing" in read ? noPreviousStack(read.missing) : previousFromRecord(recordedStack(read.state));
}

/**
 * The same, and what this clone has found since: a repeated test that fails leaves the former pass in the state. What others
 * have found only an update asks the registry.
 */
export async function previousOfClone(home: Home, read: ReadState): Promise<PreviousStack> {
  if ("missing" in read) return previousFromState(read);
  const record = recordedStack(read.state);
  const known = recordedPass.safeParse(record.evidence).data;
  const own = known && (await ownEvidence(home, known.digest));
  const failure = known && own && outvoting([{ evidence: own }], known, Date.now());
  return previousFromRecord(failure ? { ...record, evidence: failure.evidence } : record);
}

/** A stack and how to call the CLI on it, without anything being set up. */
export function stackNamed(home: Home, project: string, name: string, pulumi: string): Stack {
  return { name, folder: projectFolder, project, pulumi, environment: pulumiEnvironment(home) };
}
