import type { Home } from "../../home.ts";
import type { Signer } from "../../lib/attestation/signer.ts";
import type { BuilderFacts } from "../../lib/attestation/slsa-provenance.ts";
import { stageProvenance } from "../../lib/attestation/stage-provenance.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { parseReference } from "../../oci/references.ts";
import { buildctlsOf, documentOf, provenanceDigests } from "../builder/build-records.ts";
import { storedProvenance } from "../promotion/plain-statements.ts";
import { attachDocument, attachSigned, unsigned } from "./attach.ts";

/**
 * Attaches to each stage what BuildKit has written down of its build, where its builder still knows it and nobody has
 * attached it before: a stage that comes out equal on another builder keeps the provenance of its first build.
 *
 * @param stages `repository@sha256:…` by name
 * @returns how many have one now
 */
export async function attachStageProvenance(
  home: Home,
  stages: Readonly<Record<string, string>>,
  builder: BuilderFacts,
  transport: Transport,
  signer?: Signer,
): Promise<number> {
  const known = await Promise.all(
    (await buildctlsOf(home)).map(async (buildctl) => ({
      buildctl,
      digests: await provenanceDigests(buildctl),
    })),
  );
  let count = 0;
  for (const [name, reference] of Object.entries(stages)) {
    const { digest = "" } = parseReference(reference);
    const builtOn = known.find(({ digests }) => digests.has(digest));
    const written = builtOn?.digests.get(digest);
    const there = await storedProvenance(reference, transport);
    if (there || !builtOn || written === undefined) {
      count += there ? 1 : 0;
      continue;
    }
    const statement = stageProvenance(name, digest, await documentOf(builtOn.buildctl, written), builder);
    if (!statement) continue;
    // The signed one first: where it fails, the next run finds nothing there and tries again.
    if (signer) await attachSigned(reference, statement, signer, transport);
    await attachDocument(reference, unsigned(statement), transport);
    count++;
  }
  return count;
}
