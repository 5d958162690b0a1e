import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeFile } from "../../support/layers.ts";
import { finish, smallLayers } from "./small-layers.ts";

/** A recipe of one's own, whole, with two layers beside its file. */
const text = `
const layer = (name, parents, more = {}) => ({
  name,
  root: import.meta.dirname,
  summary: name,
  parents: () => parents,
  ...more,
});
export const recipe = {
  name: "tiny",
  summary: "two small layers",
  layers: [
    layer("system", [], { role: "system", pins: ({ base }) => ({ base: base.digest }) }),
    layer("hello", ["system"]),
  ],
  buildLayers: [],
  licences: "MIT",
  sizeBudget: "1 GB",
  runtime: () => ({
    user: "root",
    environment: { GREETING: "hello" },
    ports: [],
    entrypoint: ["/bin/sh"],
    healthcheck: { command: ["true"], startPeriodSeconds: 1 },
  }),
};
`;

/** Writes it to a folder; returns the recipe's file, which is not locked yet. */
export function writeOwnRecipe(folder: string): string {
  const file = join(folder, "recipe.ts");
  writeFileSync(file, text);
  writeFileSync(join(folder, "package.json"), '{"type": "module"}');
  writeFile(folder, "system/Dockerfile", smallLayers["system/Dockerfile"] ?? "");
  writeFile(
    folder,
    "hello/Dockerfile",
    `FROM system AS build\nARG SOURCE_DATE_EPOCH\nCOPY value /out/value\nRUN ${finish}`,
  );
  writeFile(folder, "hello/value", "from outside\n");
  return file;
}
