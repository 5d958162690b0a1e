import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { home } from "../../home.ts";
import type { Signer } from "../../lib/attestation/signer.ts";
import { builderId } from "../../lib/attestation/slsa-provenance.ts";
import type { Bill } from "../../lib/bill/component.ts";
import { parseEvidence } from "../../lib/evidence/evidence.ts";
import { Transport } from "../../oci/access/transport.ts";
import { attachDocuments, signedStatements, unsigned } from "../attestation/attach.ts";
import { attachStageProvenance } from "../attestation/attach-stages.ts";
import {
  describeContents,
  libraryStatements,
  type Stated,
  statementsAbout,
} from "../attestation/describe-product.ts";
import { givenSigner } from "../attestation/signer-of.ts";
import { newBill } from "../attestation/stored-bill.ts";
import { builderVersions } from "../builder/builder.ts";
import { required } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

const transport = new Transport();

/**
 * Attaches to the product STRATA_REFERENCE what it is made of, how it was made, and the evidence on stdin as others ask for
 * it; to STRATA_LIBRARY, the image of models that belongs to it, what that is made of and how. Called by the component
 * Attestation; prints a reference for each.
 */
await main(async () => {
  const reference = required("STRATA_REFERENCE");
  const builder = required("STRATA_BUILDER");
  const bill: Bill = JSON.parse(await readFile(required("STRATA_BILL"), "utf8"));
  const evidence = parseEvidence(await text(process.stdin), "standard input");
  const product = { reference, bill, stages: JSON.parse(required("STRATA_STAGES")) };
  // Side by side: a program that starts, and questions to the registry.
  const [document, versions] = await Promise.all([
    describeContents(home, product, transport),
    builderVersions(home, builder),
  ]);
  const facts = { id: builderId(process.env, builder), versions };
  const signer = await givenSigner(process.env);
  const { sbom, ...statements } = await statementsAbout(product, document, evidence, facts, transport);
  const stated = { document, sbom, others: Object.values(statements) };
  const models = process.env.STRATA_LIBRARY || undefined;
  const attachLibrary = async (library: string) => {
    const about = await libraryStatements({ ...product, reference: library }, home, facts, transport);
    return await attach(library, about, signer);
  };
  // Each image has a list of its own of what is attached.
  const [ofProduct, ofModels, told] = await Promise.all([
    attach(reference, stated, signer),
    models === undefined ? [] : attachLibrary(models),
    // About stages, so not among what was attached to the product.
    attachStageProvenance(home, product.stages, facts, transport, signer),
  ]);
  for (const artifact of [...ofProduct, ...ofModels]) process.stdout.write(`${artifact}\n`);
  const count = document.packages.length;
  note(
    `attestation: ${count} components, provenance and test result lie beside the image${models ? ", bill and provenance beside that of its models" : ""}, BuildKit's own provenance beside ${told} of ${Object.keys(product.stages).length} stages${signer ? ", signed" : ""}`,
  );
  return 0;
});

async function attach(
  reference: string,
  { document, sbom, others }: Stated,
  signer: Signer | undefined,
): Promise<string[]> {
  const signed = signer ? await signedStatements(reference, [sbom, ...others], signer, transport) : [];
  const bill = await newBill(reference, document, transport);
  return await attachDocuments(reference, [bill, ...others.map(unsigned), ...signed], transport);
}
