import type { TestContext } from "node:test";
import { UserError } from "../../../../../errors.ts";
import type { Evidence } from "../../../../../lib/evidence/evidence.ts";
import { storeEvidence } from "../../../../../tools/promotion/evidence-store.ts";
import { promote, promotionRequestFrom } from "../../../../../tools/promotion/promote.ts";
import { listPromotions, type TagListing } from "../../../../../tools/promotion/promotion-listing.ts";
import { renderListing } from "../../../../../tools/promotion/promotion-table.ts";
import { rollBack } from "../../../../../tools/promotion/undo-promotion.ts";
import { checksKey, evidenceFor } from "../../../../support/evidence.ts";
import { type FakeRegistry, REPOSITORY, startFakeRegistry } from "../../../oci/support/fake-registry.ts";
import { quickTransport } from "../../../oci/support/transport.ts";

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Setting {
  readonly registry: FakeRegistry;
  /** `host/repository` */
  readonly name: string;
  /** The image that was tested, and evidence that it passed everything, which the registry has. */
  readonly reference: string;
  readonly evidence: Evidence;
  /** Another image, and evidence of it that the registry has. */
  image(text: string): Promise<{ reference: string; digest: string; evidence: Evidence }>;
  /** Promotes as the component Promotion asks for it, or ProductCopy with `copy`; an object is sent as JSON. */
  run(
    evidence: string | object,
    environment?: Readonly<Record<string, string>>,
    copy?: Parameters<typeof promote>[4],
  ): Promise<Run>;
  /** The same with these tags, where the product lies. */
  promote(
    evidence: string | object,
    tags?: string,
    environment?: Readonly<Record<string, string>>,
  ): Promise<Run>;
  /** What `npm run rollback` does: moves the tag where a digest is given, and prints its history. */
  rollback(tag: string, digest?: string): Promise<Run>;
  listing(tag: string): Promise<TagListing>;
}

/** A registry with an image that was tested (`:tested`), and one that the tag `stable` points at so far. */
export async function promoting(t: TestContext): Promise<Setting> {
  const registry = await startFakeRegistry();
  t.after(() => registry[Symbol.asyncDispose]());
  const name = `${registry.host}/${REPOSITORY}`;
  const push = (tag: string) =>
    registry.image(tag, [
      { mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: Buffer.from(`layer of ${tag}`) },
    ]).digest;
  const image = async (tag: string) => {
    const digest = push(tag);
    const reference = `${name}@${digest}`;
    const evidence = evidenceFor(reference);
    await storeEvidence(evidence, quickTransport());
    return { reference, digest, evidence };
  };
  push("stable");
  const { reference, evidence } = await image("tested");
  const print: string[] = [];
  const told: string[] = [];
  t.mock.method(process.stderr, "write", (text: string) => told.push(text) > 0);
  /** As main.ts would have it end. */
  const execute = async (work: () => Promise<void>): Promise<Run> => {
    print.length = 0;
    told.length = 0;
    let code = 0;
    try {
      await work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      told.push(error.message);
      code = 1;
    }
    return { code, stdout: print.join("\n"), stderr: told.join("") };
  };
  const run: Setting["run"] = (given, environment = {}, copy) =>
    execute(async () => {
      const order = promotionRequestFrom({
        STRATA_REFERENCE: reference,
        STRATA_TAGS: "stable",
        STRATA_CHECKS: checksKey,
        STRATA_MAX_AGE_DAYS: "30",
        STRATA_EVIDENCE_HOST: "any",
        ...environment,
      });
      const text = typeof given === "string" ? given : JSON.stringify(given);
      await promote(order, text, quickTransport(), (tag) => print.push(tag), copy);
    });
  return {
    registry,
    name,
    reference,
    evidence,
    image,
    run,
    promote: (given, tags = "stable", environment = {}) => run(given, { STRATA_TAGS: tags, ...environment }),
    rollback: (tag, digest) =>
      execute(async () => {
        if (digest) await rollBack([name], tag, digest, quickTransport());
        print.push(renderListing(await listPromotions(name, tag, quickTransport())));
      }),
    listing: (tag) => listPromotions(name, tag, quickTransport()),
  };
}

/** What a tag points at. */
export const pointsAt = ({ registry }: Pick<Setting, "registry">, tag: string) =>
  registry.content.get(`manifests/${tag}`);

/** Everything that was written since the last time. */
export function writes({ registry }: Pick<Setting, "registry">): string[] {
  return registry.requests.splice(0).filter((request) => !/^(GET|HEAD)/.test(request));
}
