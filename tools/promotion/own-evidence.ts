import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Home } from "../../home.ts";
import type { Evidence } from "../../lib/evidence/evidence.ts";
import { parseReference } from "../../oci/references.ts";
import { writeJson } from "../program/files.ts";
import { note } from "../program/progress.ts";
import { readableEvidence, storeEvidence } from "./evidence-store.ts";

function keptFile(home: Home, digest = ""): string {
  return join(home.evidence, `${digest.replace(":", "-")}.json`);
}

/** Evidence of this clone is with its image, also where somebody wrote over the list of what is attached. */
export async function putEvidenceBack(home: Home, reference: string): Promise<void> {
  const file = keptFile(home, parseReference(reference).digest);
  const kept = await readFile(file).catch(() => undefined);
  const evidence = kept && readableEvidence(kept, file);
  if (evidence?.reference === reference) await storeEvidence(evidence);
}

/** Keeps evidence here and with the image; returns where it is here. */
export async function keepEvidence(home: Home, evidence: Evidence): Promise<string> {
  const kept = keptFile(home, evidence.digest);
  await mkdir(home.evidence, { recursive: true });
  await writeJson(kept, evidence);
  note(`evidence: stored with the image as ${await storeEvidence(evidence)}`);
  return kept;
}
