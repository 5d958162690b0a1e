import type { Config } from "../../config.ts";
import { UserError } from "../../errors.ts";
import { type Home, projectFolder } from "../../home.ts";
import { statedStages } from "../../lib/attestation/slsa-provenance.ts";
import { inParallel } from "../../lib/in-parallel.ts";
import { registryAddress } from "../../lib/registry/access.ts";
import { imageRepository } from "../../lib/registry/registry-setting.ts";
import { stageTag } from "../../lib/registry/tags.ts";
import type { Transport } from "../../oci/access/transport.ts";
import { readImage } from "../../oci/read/image.ts";
import { formatReference, parseReference } from "../../oci/references.ts";
import { digestOfTag } from "../../oci/write/tag.ts";
import { inRepository } from "../promotion/evidence-store.ts";
import { storedProvenance } from "../promotion/plain-statements.ts";
import { prepareRegistries } from "../setup/registries.ts";
import { namedStackConfig } from "../stack/checkout-plan.ts";
import { plannedStack } from "../stack/outputs.ts";
import type { Wanted } from "./reproduce-stages.ts";

/** A product, what its stages are here, and what they were published as. */
export interface PublishedProduct extends Omit<Wanted, "isWanted" | "certificates"> {
  readonly config: Config;
  /** `repository@sha256:…`; undefined where the stages are there and the product is not. */
  readonly reference: string | undefined;
}

const AT_ONCE = 8;

/**
 * The product of a stack by its plan's tags, or the one of a reference by its provenance.
 *
 * @param given a reference
 */
export async function publishedProduct(
  home: Home,
  stack: string,
  given: string | undefined,
  transport: Transport,
): Promise<PublishedProduct> {
  await prepareRegistries(home, await namedStackConfig(projectFolder, stack));
  const { config, plan, base } = await plannedStack(home, { name: stack });
  const planned = { config, plan, base: base.reference };
  if (given !== undefined) return { ...planned, ...(await byProvenance(given, transport)) };
  const repository = imageRepository(config.registry, registryAddress(home.services));
  const digestUnder = (entry: Parameters<typeof stageTag>[0]) =>
    digestOfTag(`${repository}:${stageTag(entry)}`, transport);
  const stages = await inParallel(AT_ONCE, plan.stages, async (stage) => {
    return [stage.name, { key: stage.key, digest: await digestUnder(stage) }] as const;
  });
  const product = await digestUnder(plan.product);
  if (stages.every(([, { digest }]) => digest === undefined)) {
    throw new UserError(
      `stack ${stack}`,
      `has no stage in ${repository}.`,
      `\`make up STACK=${stack}\` builds them; or name a product by its reference.`,
    );
  }
  const reference = product && inRepository(repository, product);
  return { ...planned, repository, published: new Map(stages), reference };
}

/** The stages of a product as its provenance has them. @throws UserError where it has none */
export async function byProvenance(
  given: string,
  transport: Transport,
): Promise<Pick<PublishedProduct, "repository" | "published" | "reference">> {
  const { registry, repository: path } = parseReference(given);
  const { digest } = await readImage(given, transport);
  const reference = formatReference({ registry, repository: path, digest });
  const provenance = await storedProvenance(reference, transport);
  const stated = provenance && statedStages(provenance);
  if (!stated) {
    throw new UserError(
      reference,
      "has no provenance of strata's beside it, so its stages are not known.",
      "Name a stack instead: --stack NAME.",
    );
  }
  return { repository: formatReference({ registry, repository: path }), published: stated.stages, reference };
}
