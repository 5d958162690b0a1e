import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../../../home.ts";
import type { LockedModel } from "../../../lib/locks/model-lock.ts";
import { packModels } from "../../../lib/models/packing.ts";
import type { ResolvedModels } from "../../../lib/models/resolve-models.ts";
import { readFolder } from "../../../lib/plan/context-files.ts";
import type { Plan } from "../../../lib/plan/plan.ts";
import { withModels } from "../../../recipes/with-models.ts";
import { context, plan, sampleLayer, sampleRecipe } from "../../support/layers.ts";
import { smallLayers } from "./small-layers.ts";

/** What decides the models of a test: the file `models.json` among its layers. */
export interface ModelChoices {
  readonly strategy: "baked" | "image";
  readonly models: readonly LockedModel[];
}

/** The real layers of models, as they are in the repository. */
const realLayers = Object.fromEntries(
  ["model", "model-fetch", "model-tools", "shared"].flatMap((name) =>
    readFolder(join(repository, "layers", name), name).map(({ source, content }) => [
      source,
      content.toString(),
    ]),
  ),
);

/** Files of a product with models: the real layers, on a toolbox that has Python and nothing else. */
export const smallModels: Readonly<Record<string, string>> = {
  ...realLayers,
  "models.json": JSON.stringify({ strategy: "baked", models: [] } satisfies ModelChoices),
  "certificates.pem": smallLayers["certificates.pem"] ?? "",
  "system/Dockerfile": smallLayers["system/Dockerfile"] ?? "",
  "toolbox/Dockerfile": [
    "FROM base",
    "RUN apt-get -qq update \\",
    " && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends ca-certificates python3 >/dev/null",
    "",
  ].join("\n"),
  "app/Dockerfile": "FROM scratch\nCOPY app /opt/app\n",
  "app/app": "1\n",
};

/** The plan of the small product with models. */
export function smallModelsPlan(folder: string, base: string): Plan {
  const { strategy, models }: ModelChoices = JSON.parse(readFileSync(join(folder, "models.json"), "utf8"));
  const resolved: ResolvedModels = {
    strategy,
    background: false,
    models,
    layers: packModels(models, { registry: "local" }),
  };
  const layers = [
    sampleLayer("system", [], { role: "system", pins: (test) => ({ base: test.base.digest }) }),
    sampleLayer("app"),
  ];
  const small = { ...sampleRecipe(layers, [sampleLayer("toolbox", [], { role: "build" })]), name: "small" };
  return plan(
    folder,
    withModels(small, resolved),
    {},
    { ...context, base: { name: "debian-bookworm", digest: base.split("@")[1] ?? "" }, models: resolved },
  );
}
