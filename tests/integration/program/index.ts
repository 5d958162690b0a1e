/** The program under test: strata's components over the small layers of one test. */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { rentedName } from "../../../components/builders/rented-name.ts";
import { LayeredImage } from "../../../components/layered-image.ts";
import { openRegistry } from "../../../components/registry/open-registry.ts";
import { home } from "../../../home.ts";
import {
  type BuilderChoice,
  builderOf,
  builderSetting,
  buildersSetting,
  stackBuilders,
} from "../../../lib/builders/builder-setting.ts";
import { parseAwsBuilder } from "../../../lib/hosts/description.ts";
import { writeBuildContext } from "../../../lib/plan/build-context.ts";
import { loadPartialUpdate, summaryOf } from "../../../lib/plan/partial-update.ts";
import { registryContext } from "../../../lib/registry/access.ts";
import { registrySetting } from "../../../lib/registry/registry-setting.ts";
import type { Screen } from "../../../lib/state/screen.ts";
import { type ProductName, products } from "../support/products.ts";

const {
  STRATA_TEST_PRODUCT: chosen = "",
  STRATA_TEST_LAYERS: layers = "",
  STRATA_TEST_BASE: base = "",
  STRATA_TEST_REPOSITORY: repository = "",
  STRATA_TEST_BUILDERS: places = JSON.stringify({ builder: "strata" }),
  STRATA_TEST_RENTED: described = "",
  STRATA_TEST_REGISTRY: given = JSON.stringify({ kind: "local", repository }),
} = process.env;
const plan = products[chosen as ProductName].plan(layers, base);
const setting = registrySetting.parse(JSON.parse(given));
const { builder = "strata", builders }: Partial<BuilderChoice> = JSON.parse(places);
const chosenBuilders = stackBuilders({
  builder: builderSetting.parse(builder),
  builders: buildersSetting.parse(builders),
});
// A builder that is rented for heavy stages, as its component would describe it.
const rented = described && rentedName("strata-heavy", pulumi.output(parseAwsBuilder(JSON.parse(described))));
const partialUpdate = loadPartialUpdate();
const registry = await openRegistry("registry", setting, registryContext(home, setting));
const built = new LayeredImage(plan.recipe, {
  plan,
  base,
  contexts: (stage) => relative(process.cwd(), writeBuildContext(home.contexts, stage)),
  settings: {
    registry,
    builder: "strata",
    builderOf: (stage) => (rented && stage.weight ? rented : builderOf(chosenBuilders, stage)),
    certificates: readFileSync(`${layers}/certificates.pem`, "utf8"),
  },
  summaries: (stage) => summaryOf(stage, partialUpdate),
});

const shown: Screen = { recipe: plan.recipe, image: built.reference };
export default partialUpdate?.outputs ?? shown;
