import { join } from "node:path";
import { text } from "node:stream/consumers";
import { home } from "../../home.ts";
import { Transport } from "../../oci/access/transport.ts";
import { required } from "../program/environment.ts";
import { main } from "../program/main.ts";
import { promote, promotionRequestFrom } from "../promotion/promote.ts";
import { sessionsIn } from "../promotion/sessions.ts";
import { passGivenGate } from "../vulnerabilities/given-gate.ts";

/**
 * Copies STRATA_REFERENCE to the repository STRATA_TARGET and makes STRATA_TAGS point at it there, if the evidence on
 * stdin is one that moves a tag, and if the gate in STRATA_GATE lets it pass. STRATA_LIBRARY, an image of models, goes there before. Called by the
 * component ProductCopy; prints each tag that points at the copy.
 */
await main(async () => {
  const order = promotionRequestFrom();
  const target = { repository: required("STRATA_TARGET"), tag: required("STRATA_PRODUCT_TAG") };
  const sessions = sessionsIn(join(home.run, "uploads"));
  const models = process.env.STRATA_LIBRARY;
  const library = models ? { reference: models, tag: required("STRATA_LIBRARY_TAG") } : undefined;
  const print = (name: string) => process.stdout.write(`${name}\n`);
  const transport = new Transport();
  await passGivenGate(home, order.reference, transport);
  await promote(order, await text(process.stdin), transport, print, { target, library, sessions });
  return 0;
});
