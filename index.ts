import { relative } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { KeptStages } from "./components/kept-stages.ts";
import { LayeredImage } from "./components/layered-image.ts";
import { openRegistry } from "./components/open-registry.ts";
import { Promotion } from "./components/promotion.ts";
import { SmokeTest } from "./components/smoke-test.ts";
import * as configuration from "./config.ts";
import { writeBuildContext } from "./lib/build-context.ts";
import { joinOutputs } from "./lib/part.ts";
import { planStack } from "./lib/stack-plan.ts";
import { expandTags, keepTag } from "./lib/tags.ts";
import { home, repository } from "./tools/home.ts";

const config = await configuration.loadConfig();
const part = configuration.loadPart();
const provenance = configuration.readProvenance(repository, config);
const { plan, base, checks } = planStack(config, provenance, { root: repository, localImages: home.images });
const { generation, builder } = config;
const name = plan.recipe;

const registry = await openRegistry("registry", config.registry, {
  ...configuration.registryAccess(config.registry),
  localAddress: configuration.registryAddress(home.services),
  logins: home.logins,
});
const image = new LayeredImage(name, {
  plan,
  base: base.reference,
  contexts: (stage) => relative(repository, writeBuildContext(home.contexts, stage)),
  settings: { registry, builder, certificates: configuration.readCertificates(config) },
  inTurn: part === undefined,
});
const { reference } = image;
if (registry.removesOldStages) {
  const digests = Object.entries(image.stages).map(([stage, { digest }]) => [
    keepTag(pulumi.getStack(), stage),
    digest,
  ]);
  new KeptStages(`${name}-kept`, { repository: registry.repository, digests: Object.fromEntries(digests) });
}
const smoke = new SmokeTest(`${name}-smoke`, { reference, recipe: name, generation, checks, builder });
const promotion = new Promotion(`${name}-promotion`, {
  reference,
  tags: expandTags(config.tags, { recipe: name, generation, commit: provenance.revision }),
  evidence: smoke.evidence,
});

const outputs = {
  recipe: name,
  product: {
    reference,
    digest: image.digest,
    bytes: image.compressedSize,
    tags: promotion.tags,
    models: image.library ?? null,
  },
  stages: image.summaries,
  evidence: smoke.evidence.apply((text) => (text ? JSON.parse(text) : null)),
};
export const { recipe, product, stages, evidence } = part ? joinOutputs(part, outputs) : outputs;
