import { relative } from "node:path";
import { openHosts } from "./components/hosts/open-hosts.ts";
import { keepStages } from "./components/kept-stages.ts";
import { LayeredImage } from "./components/layered-image.ts";
import { productCopies } from "./components/product-copy.ts";
import { Promotion } from "./components/promotion.ts";
import { openRegistries } from "./components/registry/open-registry.ts";
import { SmokeTest } from "./components/smoke-test.ts";
import { loadConfig } from "./config.ts";
import { home, repository } from "./home.ts";
import { readCertificates } from "./lib/certificates.ts";
import { promotionTerms } from "./lib/evidence/evidence-setting.ts";
import { testLimits } from "./lib/hosts/description.ts";
import { writeBuildContext } from "./lib/plan/build-context.ts";
import { joinOutputs, loadPartialUpdate } from "./lib/plan/partial-update.ts";
import { registryContext } from "./lib/registry/access.ts";
import { stageTag } from "./lib/registry/tags.ts";
import { planStack } from "./recipes/stack-plan.ts";

// What is to be made.
const config = await loadConfig();
const partialUpdate = loadPartialUpdate();
const { plan, base, checks, tags, memory } = planStack(config, {
  root: repository,
  localImages: home.images,
});
const { generation, builder } = config;
const name = plan.recipe;

// The image: a stage for each layer, and the product.
const { registry, copies } = await openRegistries(config, (setting) => registryContext(home, setting));
const image = new LayeredImage(name, {
  plan,
  base: base.reference,
  contexts: (stage) => relative(repository, writeBuildContext(home.contexts, stage)),
  settings: { registry, builder, certificates: readCertificates(config.certificates) },
  inTurn: partialUpdate === undefined,
});
keepStages(`${name}-kept`, registry, image.stages);

// Its test, on one of the stack's hosts.
const { reference, digest, library } = image;
const { sizeBudget } = config.selected.recipe;
const smoke = new SmokeTest(`${name}-smoke`, {
  reference,
  recipe: name,
  generation,
  checks,
  builder,
  hosts: await openHosts(`${name}-host`, config, {
    sizeBudget,
    repositoryArn: registry.repositoryArn,
    memory,
  }),
  limits: testLimits(config, memory),
});

// The tags of what passed, here and in other registries.
const tested = { reference, tags, evidence: smoke.evidence, terms: promotionTerms(config, checks) };
const promotion = new Promotion(`${name}-promotion`, tested);
const productTag = stageTag(plan.product);
const copied = productCopies(name, copies, { ...tested, productTag, library });

// What the stack exports.
const outputs = {
  recipe: name,
  product: {
    reference,
    digest,
    bytes: image.compressedSize,
    tags: promotion.tags,
    copies: copied.map((copy) => copy.tags),
    models: library?.reference ?? null,
  },
  stages: image.summaries,
  evidence: smoke.evidence.apply((text) => (text ? JSON.parse(text) : null)),
};
export const { recipe, product, stages, evidence } = partialUpdate
  ? joinOutputs(partialUpdate, outputs)
  : outputs;
