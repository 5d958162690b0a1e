/** An external recipe whose layers need no network: the real program builds, tests and promotes it in seconds. */
import { join } from "node:path";
import { lockHeader, lockInputs, lockPath } from "../../../lib/plan/lock-inputs.ts";
import { findRecipe } from "../../../recipes/index.ts";
import { externalPythonLocks } from "../../../tools/lock/external-recipe.ts";
import { passedRun } from "../../support/evidence.ts";
import { writeFile } from "../../support/layers.ts";
import { committedNodes } from "../../support/stacks.ts";
import { finish } from "./small-layers.ts";

const recipe = `
const layer = (name, more = {}) => ({
  name, root: import.meta.dirname, summary: "the layer " + name, parents: () => ["system"], owns: () => ["/opt/" + name], ...more,
});
export const recipe = {
  name: "small",
  summary: "what tests of whole commands build",
  layers: [
    layer("system", { role: "system", parents: () => [], owns: () => [], pins: ({ base }) => ({ base: base.digest }) }),
    layer("words"),
    layer("checks"),
  ],
  buildLayers: [],
  licences: "Apache-2.0",
  sizeBudget: "1 GB",
  defaults: { tags: ["small"] },
  runtime: () => ({
    user: "1000:1000",
    environment: { PATH: "/opt/checks:/usr/bin:/bin", FROM_THE_RECIPE: "yes" },
    ports: [8080],
    entrypoint: ["/opt/words/serve"],
    healthcheck: { command: ["/bin/true"], startPeriodSeconds: 1 },
  }),
};
`;

const system = `FROM base
ARG SOURCE_DATE_EPOCH
RUN echo strata >/etc/strata && echo strata:x:1000:1000::/:/bin/sh >>/etc/passwd \\
 && touch --date @$SOURCE_DATE_EPOCH /etc/strata /etc/passwd /etc
`;

const words = `FROM system AS build
ARG SOURCE_DATE_EPOCH
COPY said serve /out/opt/words/
RUN ${finish}`;

// A script stands in for Python: what it writes is what the checks of an image report that has just passed.
const checks = `FROM system AS build
ARG SOURCE_DATE_EPOCH
COPY python3 report.json /out/opt/checks/
RUN ${finish}`;

/** Writes the recipe with its layers and its lock to `folder`, and returns its file. */
export async function writeSmallRecipe(folder: string): Promise<string> {
  const files = {
    "recipe.mjs": recipe,
    "system/Dockerfile": system,
    "words/Dockerfile": words,
    "words/said": "one\n",
    "checks/Dockerfile": checks,
    "checks/report.json": JSON.stringify(passedRun),
  };
  for (const [path, text] of Object.entries(files)) writeFile(folder, path, text);
  writeFile(folder, "words/serve", "#!/bin/sh\nexec sleep 600\n", 0o755);
  writeFile(
    folder,
    "checks/python3",
    `#!/bin/sh\nwhile [ "$1" != --out ]; do shift; done\nsed "s/${passedRun.startedAt}/$(date -u +%FT%TZ)/" /opt/checks/report.json >"$2"\n`,
    0o755,
  );
  const file = join(folder, "recipe.mjs");
  const selected = await findRecipe(file);
  for (const name of externalPythonLocks({ recipe: selected.recipe, folder })) {
    const inputs = lockInputs(selected.recipe, name, committedNodes());
    writeFile(folder, lockPath(name), lockHeader(name, selected.recipe, inputs, ""));
  }
  return file;
}
