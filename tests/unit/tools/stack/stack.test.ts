import assert from "node:assert/strict";
import { test } from "node:test";
import { homeAt } from "../../../../home.ts";
import { namedStacks, requireKnownStack } from "../../../../tools/stack/stack.ts";
import { layersFolder, writeFile } from "../../../support/layers.ts";

test("a wrong name is no stack with defaults: the nearest is named, or all are", (t) => {
  const folder = layersFolder(t, { "Pulumi.yaml": "", "Pulumi.ada.yaml": "", "Pulumi.dev.yaml": "" });
  const home = homeAt(layersFolder(t, {}));
  const known = (name: string) => requireKnownStack(home, "strata", name, folder);
  assert.deepEqual(namedStacks(folder), ["ada", "dev"]);
  known("ada");
  assert.throws(() => known("adaa"), /stack adaa: there is no Pulumi\.adaa\.yaml\. Did you mean "ada"\?/);
  assert.throws(() => known("production"), /Use one of ada, dev, or make that file: it may be empty\.$/);
  writeFile(home.state, ".pulumi/stacks/strata/production.json", "{}");
  known("production");
});
