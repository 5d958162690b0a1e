import { relative } from "node:path";
import { LayeredImage } from "./components/layered-image.ts";
import { LocalRegistry } from "./components/local-registry.ts";
import { Promotion } from "./components/promotion.ts";
import { SmokeTest } from "./components/smoke-test.ts";
import { loadConfig, loadPart, readCertificates, readProvenance, registryAddress } from "./config.ts";
import { writeBuildContext } from "./lib/build-context.ts";
import { joinOutputs } from "./lib/part.ts";
import { planStack } from "./lib/stack-plan.ts";
import { expandTags } from "./lib/tags.ts";
import { home, repository } from "./tools/home.ts";

const config = await loadConfig();
const part = loadPart();
const provenance = readProvenance(repository, config);
const { plan, base, checks } = planStack(config, provenance, { root: repository, localImages: home.images });
const { generation, builder } = config;
const name = plan.recipe;

const registry = new LocalRegistry("registry", {
  address: registryAddress(home.services),
  repository: config.registry.repository,
});
const image = new LayeredImage(name, {
  plan,
  base: base.reference,
  contexts: (stage) => relative(repository, writeBuildContext(home.contexts, stage)),
  settings: { registry, builder, certificates: readCertificates(config) },
  inTurn: part === undefined,
});
const { reference } = image;
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
  stages: Object.fromEntries(
    Object.entries({ ...image.stages, [name]: image.product }).map(
      ([stage, { key, digest, compressedSize, inputs }]) => [
        stage,
        { key, digest, bytes: compressedSize, inputs },
      ],
    ),
  ),
  evidence: smoke.evidence.apply((text) => (text ? JSON.parse(text) : null)),
};
export const { recipe, product, stages, evidence } = part ? joinOutputs(part, outputs) : outputs;
