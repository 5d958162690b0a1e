/**
 * The template is what the platform's own client would post for the words that are printed beside it: `create_template` of
 * vastai/api/offers.py, in vast-ai/vast-cli at 55679830.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserErrors } from "../../../../errors.ts";
import { clientWords, type TemplateWish, vastTemplate } from "../../../../tools/delivery/vast-template.ts";

const digest = `sha256:${"a".repeat(64)}`;

function wish(more: Partial<TemplateWish> = {}, labels: Readonly<Record<string, string>> = {}): TemplateWish {
  return {
    reference: { registry: "ghcr.io", repository: "acme/strata" },
    digest,
    config: {
      architecture: "amd64",
      os: "linux",
      config: {
        ExposedPorts: { "8188/tcp": {}, "22/tcp": {}, "1111/tcp": {} },
        Labels: {
          "org.opencontainers.image.title": "vast (ada)",
          "org.opencontainers.image.description": "a rented machine",
          "strata.layers": '["cuda","instance","runtime"]',
          "strata.cuda": "13.0",
          "strata.compute-capabilities": "8.9",
          ...labels,
        },
      },
    },
    mode: "jupyter",
    disk: 60,
    isPublic: false,
    ...more,
  };
}

test("an image is named by its digest, so that what was tested is what starts", () => {
  const { image, tag } = vastTemplate(wish());
  assert.deepEqual([image, tag], [`ghcr.io/acme/strata@${digest}`, null]);
});

test("with a tag, image and tag stand in fields of their own, as the platform has them", () => {
  const { image, tag } = vastTemplate(wish({ tag: "sha-1234" }));
  assert.deepEqual([image, tag], ["ghcr.io/acme/strata", "sha-1234"]);
});

test("each mode says how the container starts; where the entrypoint stays, nothing else starts it", () => {
  const said = (["jupyter", "ssh", "args"] as const).map((mode) => {
    const { runtype, onstart, use_ssh, ssh_direct, jup_direct, use_jupyter_lab } = vastTemplate(
      wish({ mode }),
    );
    return [runtype, onstart, use_ssh, ssh_direct, jup_direct, use_jupyter_lab];
  });
  assert.deepEqual(said, [
    ["jupyter", "entrypoint.sh", true, true, true, true],
    ["ssh", "entrypoint.sh", true, true, false, false],
    ["args", null, false, false, false, false],
  ]);
});

test("every port of the image is opened but SSH's, which the platform opens, and hosts without the driver are not offered", () => {
  const { env, extra_filters } = vastTemplate(wish());
  assert.match(env, /^-p 1111:1111 -p 8188:8188 -e /);
  assert.doesNotMatch(env, /-p 22/);
  assert.match(env, /-e OPEN_BUTTON_PORT=1111/);
  assert.deepEqual(extra_filters.cuda_max_good, { gte: 13 });
  assert.deepEqual(extra_filters.compute_cap, { gte: 890 });
});

test("an image for no cards asks for none", () => {
  const { extra_filters } = vastTemplate(wish({}, { "strata.compute-capabilities": "" }));
  assert.equal(extra_filters.compute_cap, undefined);
});

test("what the platform could not start is told together: a registry of this machine, another image, too small a disk", () => {
  const reference = { registry: "127.0.0.1:5000", repository: "strata" };
  const labels = { "strata.layers": '["comfyui"]' };
  assert.throws(
    () => vastTemplate(wish({ reference, disk: 4 }, labels)),
    (error: UserErrors) => {
      assert.match(error.message, /127\.0\.0\.1:5000: is this machine's own registry/);
      assert.match(error.message, /has no start for rented machines/);
      assert.match(error.message, /--disk: expected a number of GB/);
      return true;
    },
  );
});

test("the words for the platform's client say the same", () => {
  const words = clientWords(vastTemplate(wish({ tag: "sha-1234", isPublic: true })));
  const after = (option: string) => words[words.indexOf(option) + 1];
  assert.equal(after("--image"), "ghcr.io/acme/strata");
  assert.equal(after("--image_tag"), "sha-1234");
  assert.equal(after("--search_params"), "cuda_max_good>=13 compute_cap>=890");
  assert.equal(after("--onstart-cmd"), "entrypoint.sh");
  for (const option of ["--jupyter", "--ssh", "--direct", "--public"])
    assert.ok(words.includes(option), option);
});
