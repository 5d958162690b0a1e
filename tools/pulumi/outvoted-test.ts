import { z } from "zod";
import { type Objection, recordedPass } from "../../lib/evidence/evidence-terms.ts";
import type { RecordedStack } from "../../lib/state/recorded-stack.ts";
import { Transport } from "../../oci/access/transport.ts";
import { note } from "../program/progress.ts";
import { newerFailure } from "../promotion/accepted-evidence.ts";
import type { Stack } from "../stack/stack.ts";
import { retestArguments } from "./urns.ts";

const passed = z.object({
  product: z.object({ reference: z.string() }),
  evidence: recordedPass,
});

/**
 * What makes Pulumi test again what failed since its state was written: a repeated test that fails leaves the former pass
 * there, and a test elsewhere does not touch it. Pulumi itself would not look.
 */
export async function outvotedTest(
  stack: Pick<Stack, "name" | "project">,
  recipe: string,
  record: RecordedStack,
  transport = new Transport({ attempts: 2 }),
): Promise<string[]> {
  // A registry that cannot be asked is the update's to tell of.
  const failure = await failureSince(record, transport).catch(() => undefined);
  if (!failure) return [];
  note(`smoke test: ${failure.problem} It is done again`);
  return retestArguments(stack, recipe, record);
}

/** The failure that outvotes the pass in a stack's state. Throws where the registry cannot be asked. */
export async function failureSince(
  record: RecordedStack,
  transport: Transport,
): Promise<Objection | undefined> {
  const known = passed.safeParse(record).data;
  return known && (await newerFailure(known.product.reference, known.evidence, transport));
}
