import type { Bill, Component } from "../../lib/bill/component.ts";
import { pypiPurl } from "../../lib/bill/purl.ts";
import { spdxDocument, spdxText } from "../../lib/bill/spdx-document.ts";

const digest = `sha256:${"b".repeat(64)}`;

/** What an update attaches for an image of these wheels on a Debian 12 with these packages: versions by name. */
export function sampleBill(
  wheels: Readonly<Record<string, string>>,
  packages: Readonly<Record<string, string>> = {},
): string {
  const nothing = { distro: { id: "debian", version: "12" }, packages: [], wheels: {}, folders: {} };
  const components = Object.entries(wheels).map(
    ([name, version]): Component => ({
      kind: "wheel",
      name,
      version,
      purl: pypiPurl(name, version),
      stage: "torch",
    }),
  );
  const bill: Bill = {
    recipe: "starter",
    generation: "cpu",
    source: null,
    revision: null,
    created: "2026-01-01T00:00:00Z",
    base: { name: "debian", digest },
    stages: [],
    key: "k",
    inProduct: ["torch"],
    components,
    materials: {},
  };
  const installed = Object.entries(packages).map(([name, version]) => ({
    name,
    version,
    architecture: "amd64",
    source: name,
    licence: undefined,
  }));
  return spdxText(
    spdxDocument({ digest, bill, contents: { ...nothing, packages: installed }, tools: nothing }),
  );
}
