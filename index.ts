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
import { testLimits } from "./lib/hosts/limits.ts";
import { writeBuildContext } from "./lib/plan/build-context.ts";
import { joinOutputs, loadPartialUpdate } from "./lib/plan/partial-update.ts";
import { registryContext } from "./lib/registry/access.ts";
import { stageTag } from "./lib/registry/tags.ts";
import { planStack } from "./recipes/stack-plan.ts";

const config = await loadConfig();
const part = loadPartialUpdate();
const planned = planStack(config, { root: repository, localImages: home.images });
const { plan, base, checks } = planned;
const { generation, builder } = config;
const name = plan.recipe;

const registries = await openRegistries(config, (to) => registryContext(home, to));
const { registry } = registries;
const image = new LayeredImage(name, {
  plan,
  base: base.reference,
  contexts: (stage) => relative(repository, writeBuildContext(home.contexts, stage)),
  settings: { registry, builder, certificates: readCertificates(config.certificates) },
  inTurn: part === undefined,
});
keepStages(`${name}-kept`, registry, image.stages);
const { reference, digest, library } = image;
const smoke = new SmokeTest(`${name}-smoke`, {
  reference,
  recipe: name,
  generation,
  checks,
  builder,
  hosts: await openHosts(`${name}-host`, config, {
    sizeBudget: config.selected.recipe.sizeBudget,
    repositoryArn: registry.repositoryArn,
  }),
  limits: testLimits(config),
});
const promoted = {
  reference,
  tags: planned.tags,
  evidence: smoke.evidence,
  terms: promotionTerms(config, checks),
};
const promotion = new Promotion(`${name}-promotion`, promoted);
const copies = productCopies(name, registries.copies, {
  ...promoted,
  productTag: stageTag(plan.product),
  library,
});

const outputs = {
  recipe: name,
  product: {
    reference,
    digest,
    bytes: image.compressedSize,
    tags: promotion.tags,
    copies: copies.map((copy) => copy.tags),
    models: library?.reference ?? null,
  },
  stages: image.summaries,
  evidence: smoke.evidence.apply((text) => (text ? JSON.parse(text) : null)),
};
export const { recipe, product, stages, evidence } = part ? joinOutputs(part, outputs) : outputs;
