import assert from "node:assert/strict";
import { test } from "node:test";
import { repository } from "../../../../home.ts";
import { emptyHistory } from "../../../../lib/preview/build-history.ts";
import { trimOf } from "../../../../lib/preview/expected-size.ts";
import { expectedTest } from "../../../../lib/preview/expected-test.ts";
import { trimText } from "../../../../lib/preview/words.ts";
import { plannedBy } from "../../../support/preview.ts";

const trimFor = (settings: Readonly<Record<string, string>>) => {
  const { plan, platform, test: where } = plannedBy(repository, settings);
  assert.ok(where);
  const on = expectedTest({ ...where, recipe: "starter", generation: "ada" }, true, emptyHistory);
  return trimText({ platform, test: on, trim: trimOf(plan, platform) });
};

test("a preview says what a stack would spare without code for other cards, and what it spares", () => {
  assert.equal(
    trimFor({ generation: "ada" }),
    "strata:trim would save about 247 MB of GPU code for other cards (torch, torchvision); no GPU has proved it yet",
  );
  assert.equal(
    trimFor({ generation: "ada", trim: "true", host: '{"kind": "docker"}' }),
    "saves about 247 MB of GPU code for other cards (torch, torchvision)",
  );
  assert.match(
    trimFor({ generation: "ada", trim: "true" }),
    /torchvision\); no tag moves until a GPU host has tested it$/,
  );
  assert.match(trimFor({ trim: "true" }), /^saves about 295 MB of GPU code \(torch, torchvision\)$/);
});

test("what is hardly anything is not told", () => {
  assert.equal(trimFor({ generation: "universal" }), "");
});
