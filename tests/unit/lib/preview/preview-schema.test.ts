import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { previewJsonSchema } from "../../../../lib/preview/preview-schema.ts";

test("the documented schema is the one that is used", () => {
  const documented = readFileSync(join(repository, "docs/preview-schema.json"), "utf8");
  assert.deepEqual(
    JSON.parse(documented),
    JSON.parse(previewJsonSchema()),
    "run: npm run --silent preview -- --schema > docs/preview-schema.json",
  );
});
