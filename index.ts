import { relative } from "node:path";
import { LayeredImage } from "./components/layered-image.ts";
import { LocalRegistry } from "./components/local-registry.ts";
import { Promotion } from "./components/promotion.ts";
import { SmokeTest } from "./components/smoke-test.ts";
import { loadConfig, readCertificates, readProvenance, registryAddress } from "./config.ts";
import { writeBuildContext } from "./lib/build-context.ts";
import { planStack } from "./lib/stack-plan.ts";
import { expandTags } from "./lib/tags.ts";
import { home, repository } from "./tools/home.ts";

const config = loadConfig();
const provenance = readProvenance(repository);
const { plan, base, checks } = planStack(config, provenance, { root: repository, localImages: home.images });
const { recipe, generation, builder } = config;

const registry = new LocalRegistry("registry", {
  address: registryAddress(home.services),
  repository: config.registry.repository,
});
const image = new LayeredImage(recipe, {
  plan,
  base: base.reference,
  contexts: (stage) => relative(repository, writeBuildContext(home.contexts, stage)),
  settings: { registry, builder, certificates: readCertificates(config) },
});
const { reference } = image;
const smoke = new SmokeTest(`${recipe}-smoke`, { reference, recipe, generation, checks, builder });
const promotion = new Promotion(`${recipe}-promotion`, {
  reference,
  tags: expandTags(config.tags, { recipe, generation, commit: provenance.revision }),
  evidence: smoke.evidence,
});

export const product = {
  reference,
  digest: image.digest,
  bytes: image.product.compressedSize,
  tags: promotion.tags,
};
export const stages = Object.fromEntries(
  Object.entries({ ...image.stages, [recipe]: image.product }).map(
    ([name, { key, digest, compressedSize, inputs }]) => [
      name,
      { key, digest, bytes: compressedSize, inputs },
    ],
  ),
);
export const evidence = smoke.evidence.apply((text) => (text ? JSON.parse(text) : null));
