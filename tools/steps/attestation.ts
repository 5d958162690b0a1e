import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { home } from "../../home.ts";
import { builderId } from "../../lib/attestation/slsa-provenance.ts";
import { SPDX_TYPE } from "../../lib/attestation/statement.ts";
import type { Bill } from "../../lib/bill/component.ts";
import { spdxText } from "../../lib/bill/spdx-document.ts";
import { parseEvidence } from "../../lib/evidence/evidence.ts";
import { Transport } from "../../oci/access/transport.ts";
import { attachDocument, attachSigned, unsigned } from "../attestation/attach.ts";
import { attachStageProvenance } from "../attestation/attach-stages.ts";
import { describeContents, statementsAbout } from "../attestation/describe-product.ts";
import { givenSigner } from "../attestation/signer-of.ts";
import { builderVersions } from "../builder/builder.ts";
import { required } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { note } from "../program/progress.ts";

/**
 * Attaches to the product STRATA_REFERENCE what it is made of, how it was made, and the evidence on stdin as others ask for
 * it. Called by the component Attestation; prints a reference for each.
 */
await main(async () => {
  const transport = new Transport();
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
  const statements = await statementsAbout(product, document, evidence, facts, transport);
  const documents = [
    { type: SPDX_TYPE, text: spdxText(document) },
    unsigned(statements.provenance),
    unsigned(statements.evidence),
  ];
  // One after the other: where the registry keeps no list, each adds itself to the one in a tag.
  for (const each of documents) process.stdout.write(`${await attachDocument(reference, each, transport)}\n`);
  const signer = await givenSigner(process.env);
  if (signer) {
    for (const statement of Object.values(statements))
      process.stdout.write(`${await attachSigned(reference, statement, signer, transport)}\n`);
  }
  // About stages, so not among what was attached to the product.
  const told = await attachStageProvenance(home, product.stages, facts, transport, signer);
  const count = document.packages.length;
  note(
    `attestation: ${count} components, provenance and test result lie beside the image, BuildKit's own provenance beside ${told} of ${Object.keys(product.stages).length} stages${signer ? ", signed" : ""}`,
  );
  return 0;
});
