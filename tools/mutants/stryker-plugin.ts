/** What Stryker gets from this repository: a runner of its tests, and what to leave alone. */
import { NodeTestRunner } from "./node-test-runner.ts";
import { wording } from "./wording.ts";

function createRunner(options: { nodeTestFiles: readonly string[] }): NodeTestRunner {
  return new NodeTestRunner(options);
}
createRunner.inject = ["options"] as const;

export const strykerPlugins = [
  { kind: "TestRunner", name: "node-test", factory: createRunner },
  { kind: "Ignore", name: "wording", value: wording },
];

export const strykerValidationSchema = {
  properties: { nodeTestFiles: { type: "array", items: { type: "string" } } },
};
