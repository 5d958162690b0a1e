/** actions/setup-node: a Node of the version that is asked for is first on PATH. The tests' own is the only one here. */
import { appendFileSync } from "node:fs";
import { dirname } from "node:path";
import { action, input } from "./common.ts";

await action(() => {
  const major = process.versions.node.split(".")[0];
  if (input("node-version") !== major)
    throw new Error(`Unable to find Node version '${input("node-version")}'.`);
  appendFileSync(process.env.GITHUB_PATH ?? "", `${dirname(process.execPath)}\n`);
});
