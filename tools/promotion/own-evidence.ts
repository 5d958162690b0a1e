import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Home } from "../../home.ts";
import type { Evidence } from "../../lib/evidence/evidence.ts";
import { parseReference } from "../../oci/references.ts";
import { writeJson } from "../program/files.ts";
import { note } from "../program/progress.ts";
import { readableEvidence, storeEvidence } from "./evidence-store.ts";

function keptFile(home: Home, digest: string): string {
  return join(home.evidence, `${digest.replace(":", "-")}.json`);
}

/** What the last test of this clone found about a digest; undefined where none was made, or it is from another version. */
export async function ownEvidence(home: Home, digest: string): Promise<Evidence | undefined> {
  const file = keptFile(home, digest);
  const kept = await readFile(file).catch(() => undefined);
  return kept && readableEvidence(kept, file);
}

/** Evidence of this clone is with its image, also where somebody wrote over the list of what is attached. */
export async function putEvidenceBack(home: Home, reference: string): Promise<void> {
  const evidence = await ownEvidence(home, parseReference(reference).digest ?? "");
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
