import { relative } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { Attestation } from "./components/attestation.ts";
import { openBuilder } from "./components/builders/open-builder.ts";
import { enforcePolicies } from "./components/enforced-policies.ts";
import { openHosts } from "./components/hosts/open-hosts.ts";
import { KeptEvidence } from "./components/kept-evidence.ts";
import { keepStages } from "./components/kept-stages.ts";
import { LayeredImage, referencesByName } from "./components/layered-image.ts";
import { productCopies } from "./components/product-copy.ts";
import { Promotion } from "./components/promotion.ts";
import { openRegistries } from "./components/registry/open-registry.ts";
import { requireServices } from "./components/required-services.ts";
import { SmokeTest } from "./components/smoke-test.ts";
import { loadConfig } from "./config.ts";
import { home, projectFolder, repository } from "./home.ts";
import { builderOf, stackBuilders } from "./lib/builders/builder-setting.ts";
import { servedBase } from "./lib/builders/served-base.ts";
import { readCertificates } from "./lib/certificates.ts";
import { promotionTerms } from "./lib/evidence/evidence-setting.ts";
import { testLimits } from "./lib/hosts/description.ts";
import { writeBill } from "./lib/plan/bill/plan-bill.ts";
import { loadPartialUpdate, summaryOf } from "./lib/plan/partial-update.ts";
import { registryAddress, registryContext } from "./lib/registry/access.ts";
import { stageTag } from "./lib/registry/tags.ts";
import { runLine, type Screen, shownEvidence, sizeLine } from "./lib/state/screen.ts";
import { gateTerms } from "./lib/vulnerabilities/gate-terms.ts";
import { contextOf } from "./plan-image.ts";
import { planStack } from "./recipes/stack-plan.ts";

// Pulumi's SDK takes a stack trace for each promise, and maps it back to sources that are what runs: a fifth of the time of 60 stages.
Reflect.deleteProperty(Error, "prepareStackTrace");

// What is to be made.
const config = await loadConfig();
const partialUpdate = loadPartialUpdate();
const {
  plan,
  base,
  checks,
  bill,
  tags,
  memory,
  modelBytes = 0,
} = planStack(config, {
  root: repository,
  localImages: home.images,
  localPackages: home.packages,
});
const { generation } = config;
const builders = stackBuilders(config);
const [builder = ""] = builders.default.names;
const name = plan.recipe;

// What an update cannot do without is told before it begins.
if (!pulumi.runtime.isDryRun()) {
  const registries = [config.registry, ...config.copies];
  const needed = {
    builders: [builders.default, builders.heavy],
    registries,
    localAddress: registryAddress(home.services),
    ownDocker: home.docker,
  };
  const { warning } = await requireServices(needed);
  if (warning !== null) await pulumi.log.warn(warning);
}

// What no stack may make, whoever makes it.
enforcePolicies(config);

// What its heavy stages are built on, where that is rented for them.
const heavyStages = plan.stages.filter(({ weight }) => weight !== undefined);
const rented = await openBuilder(`${name}-builder`, config, heavyStages);

// The image: a stage for each layer, and the product.
const { registry, copies } = await openRegistries(config, (setting) => ({
  ...registryContext(home, setting),
  beforeRemoval: (...kept) => new KeptEvidence(...kept),
}));
const built = new LayeredImage(name, {
  plan,
  base: servedBase(base.reference, config, registryAddress(home.services)),
  contexts: contextOf,
  settings: {
    registry,
    builder,
    builderOf: (stage) => (rented && stage.weight ? rented : builderOf(builders, stage)),
    certificates: readCertificates(config.certificates),
  },
  inTurn: partialUpdate === undefined,
  summaries: (stage) => summaryOf(stage, partialUpdate),
});
keepStages(`${name}-kept`, registry, built.stages);

// Its test, on one of the stack's hosts.
const { reference, library } = built;
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
    modelBytes,
  }),
  limits: testLimits(config, memory),
});

// What is stated of it, for others to check.
const attestation = new Attestation(`${name}-attestation`, {
  reference,
  stages: referencesByName(built.stages),
  bill: relative(process.cwd(), writeBill(home.bills, bill)),
  evidence: smoke.evidence,
  library,
  builder,
  sign: config.sign,
  trust: config.trust,
});

// The tags of what passed, here and in other registries.
const tested = {
  reference,
  tags,
  evidence: smoke.evidence,
  terms: promotionTerms(config, checks),
  attached: attestation.artifacts,
  trust: config.trust,
  gate: gateTerms(config.vulnerabilities, projectFolder),
};
const promotion = new Promotion(`${name}-promotion`, tested);
const productTag = stageTag(plan.product);
const copied = productCopies(name, copies, { ...tested, productTag, library });

// What the stack exports, which is what `pulumi up` shows: no more than a screen. All else is in the resources.
const shown: Screen = {
  recipe: name,
  image: reference,
  digest: built.digest,
  size: built.compressedSize.apply((bytes) => (bytes === undefined ? "not known yet" : sizeLine(bytes))),
  tags: promotion.tags,
  ...(copied.length > 0
    ? { copies: pulumi.all(copied.map((copy) => copy.tags)).apply((tags) => tags.flat()) }
    : {}),
  ...(library ? { models: library.reference } : {}),
  evidence: smoke.evidence.apply((text) => (text ? shownEvidence(JSON.parse(text)) : "none")),
  run: reference.apply((image) => runLine(image, generation, plan.ports)),
};
// Pulumi warns of a named export that has no value: not every stack has copies and models.
export default partialUpdate?.outputs ?? shown;
