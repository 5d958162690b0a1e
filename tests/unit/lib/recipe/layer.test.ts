import assert from "node:assert/strict";
import { test } from "node:test";
import { sitePackages } from "../../../../lib/recipe/layer.ts";

test("packages lie where the environment's Python looks for them", () => {
  assert.equal(sitePackages({ python: "3.12" }), "/opt/venv/lib/python3.12/site-packages");
});
