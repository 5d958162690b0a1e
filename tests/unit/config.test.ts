import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { parseConfig, settingsSchema } from "../../config.ts";
import { UserErrors } from "../../errors.ts";
import { repository } from "../../home.ts";
import { parseImageLock } from "../../lib/locks/image-lock.ts";
import { expandTags } from "../../lib/registry/tags.ts";
import { recipeNames, recipes } from "../../recipes/index.ts";

test("nothing configured gives the defaults", () => {
  const { selected, ...settings } = parseConfig({});
  assert.equal(selected.recipe, recipes.starter);
  assert.deepEqual(settings, {
    recipe: "starter",
    generation: "cpu",
    registry: { kind: "local", repository: "strata" },
    copies: [],
    trim: false,
    builder: "strata",
    builders: {},
    host: [{ kind: "builder" }],
    budget: { dollars: 5, minutes: 45 },
    base: "debian-bookworm",
    python: "3.11",
    cuda: "13.0",
    llama: { enabled: true, source: "sdist", ui: true, vmm: true },
    attention: ["triton", "sageattention"],
    wheels: {},
    comfyui: {},
    compile: [],
    cloudflared: { enabled: true },
    cpython: { from: "standalone" },
    tensorrt: [],
    certificates: "system",
    mirrors: {},
    models: { strategy: "none", also: [], only: [], background: false },
    door: false,
    buildTools: false,
    evidence: { maxAgeDays: 30 },
    tags: ["{recipe}-{generation}"],
  });
});

test("models: a strategy, and nothing that does nothing with it", () => {
  const models = (value: object) => parseConfig({ "strata:models": JSON.stringify(value) }).models;
  assert.deepEqual(models({ strategy: "baked" }), {
    strategy: "baked",
    also: [],
    only: [],
    background: false,
  });
  assert.equal(models({ strategy: "volume", background: true }).background, true);
  assert.throws(() => models({ strategy: "bakd" }), /strata:models\.strategy: .*Did you mean "baked"\?/);
  assert.throws(
    () => models({ strategy: "image", background: true }),
    /strata:models\.background: does nothing with the strategy "image" \(it is for "volume"\), got true\./,
  );
  assert.throws(
    () => models({ also: ["models/vae/x"] }),
    /strata:models\.also: does nothing with the strategy "none" \(it is for the others\)/,
  );
});

test("a recipe's defaults count where the stack says nothing, and the stack wins", () => {
  const megapak = parseConfig({ "strata:recipe": "megapak" });
  assert.deepEqual([megapak.base, megapak.python, megapak.cuda], ["ubuntu-24.04", "3.12", "13.0"]);
  assert.deepEqual(parseConfig({}, { STRATA_RECIPE: "studio" }).tags, [
    "latest-{generation}",
    "sha-{commit}-{generation}",
    "{generation}",
  ]);
  const own = parseConfig({
    "strata:recipe": "megapak",
    "strata:base": "debian-bookworm",
    "strata:python": "3.11",
    "strata:tags": '["mine"]',
    "strata:attention": "[]",
  });
  assert.deepEqual(
    [own.base, own.python, own.tags, own.attention],
    ["debian-bookworm", "3.11", ["mine"], []],
  );
});

test("recipes do not fight for a tag: all lie in one repository", () => {
  const tags = recipeNames.flatMap((recipe) => {
    const config = parseConfig({ "strata:recipe": recipe });
    return expandTags(config.tags, { recipe, generation: "cpu", commit: "c".repeat(40) });
  });
  assert.equal(new Set(tags).size, tags.length, tags.join(" "));
});

test("a recipe's defaults are settings that are allowed, and fit together", () => {
  for (const recipe of recipeNames) {
    const raw = Object.entries(recipes[recipe].defaults ?? {}).map(([key, value]) => [
      `strata:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    const { base, python } = parseConfig({ "strata:recipe": recipe, ...Object.fromEntries(raw) });
    const locked = parseImageLock(readFileSync(join(repository, "locks/images.json"), "utf8"));
    assert.equal(locked[base]?.python, python, recipe);
  }
});

test("compile: kernels that have a source to compile", () => {
  const compile = (value: object) => parseConfig({ "strata:compile": JSON.stringify(value) }).compile;
  assert.deepEqual(compile(["flash-attn"]), ["flash-attn"]);
  assert.throws(() => compile(["xformers"]), /strata:compile\.0: .*flash-attn/);
});

test("compression: a word, or a kind with a level that it has", () => {
  const compression = (value: unknown) =>
    parseConfig({ "strata:compression": typeof value === "string" ? value : JSON.stringify(value) })
      .compression;
  assert.deepEqual(compression("gzip"), { kind: "gzip", level: 6 });
  assert.deepEqual(compression("zstd"), { kind: "zstd", level: 3 });
  assert.deepEqual(compression({ level: 9 }), { kind: "zstd", level: 9 });
  assert.deepEqual(compression({ kind: "gzip", level: 9 }), { kind: "gzip", level: 9 });
  assert.throws(
    () => compression("gzp"),
    /strata:compression: expected one of zstd, gzip, got "gzp"\. Did you/,
  );
  assert.throws(
    () => compression({ kind: "gzip", level: 10 }),
    /strata:compression\.level: expected at most 9 for gzip, got 10/,
  );
  assert.throws(() => compression({ kind: "zstd", level: 0 }), /strata:compression\.level/);
  assert.throws(() => compression({ kind: "zstd", lvel: 3 }), /strata:compression\.lvel: is not a setting/);
});

test("wheels: by the name of a kernel, with a whole hash", () => {
  const wheel = { url: "https://e.org/x.whl", sha256: "a".repeat(64), version: "1" };
  const wheels = (value: object) => parseConfig({ "strata:wheels": JSON.stringify(value) }).wheels;
  assert.deepEqual(wheels({ "flash-attn": wheel }), { "flash-attn": wheel });
  assert.throws(
    () => wheels({ "flash-atn": wheel }),
    /strata:wheels\.flash-atn: is not a setting\. Did you mean "flash-attn"\?/,
  );
  assert.throws(() => wheels({ triton: wheel }), /strata:wheels/);
  assert.throws(
    () => wheels({ nunchaku: { ...wheel, sha256: "abc" } }),
    /strata:wheels\.nunchaku\.sha256: expected a sha256 of 64 hex digits, got "abc"/,
  );
  assert.throws(() => wheels({ nunchaku: { ...wheel, url: "/x.whl" } }), /strata:wheels\.nunchaku\.url/);
});

test("values arrive as Pulumi stores them: strings, and JSON for objects and lists", () => {
  const config = parseConfig({
    "strata:generation": "ada",
    "strata:llama": '{"source":"git","vmm":false}',
    "strata:attention": '["triton"]',
    "aws:region": "eu-central-1",
  });
  assert.equal(config.generation, "ada");
  assert.deepEqual(config.llama, { enabled: true, source: "git", ui: true, vmm: false });
  assert.deepEqual(config.attention, ["triton"]);
});

test("the environment overrides recipe and generation, and is checked as well", () => {
  assert.equal(
    parseConfig({ "strata:generation": "cpu" }, { STRATA_GENERATION: "hopper" }).generation,
    "hopper",
  );
  assert.throws(
    () => parseConfig({}, { STRATA_GENERATION: "hoper" }),
    /strata:generation: .*Did you mean "hopper"/,
  );
});

test("a word that is nearly right gets a suggestion", () => {
  assert.throws(
    () => parseConfig({ "strata:generation": "adda" }),
    /^UserError: strata:generation: expected one of cpu, turing, ampere, ada, hopper, blackwell, universal, got "adda"\. Did you mean "ada"\?$/,
  );
});

test("all problems are reported together, each with its path and value", () => {
  assert.throws(
    () =>
      parseConfig({
        "strata:generaton": "ada",
        "strata:python": "3.9",
        "strata:llama": '{"sorce":"git","vmm":"yes","commit":"abc"}',
        "strata:registry": '{"kind":"local","repository":"Strata"}',
        "strata:attention": '["tritn"]',
      }),
    (error: unknown) => {
      assert.ok(error instanceof UserErrors);
      const paths = error.errors.map(({ path }) => path).sort();
      assert.deepEqual(paths, [
        "strata:attention.0",
        "strata:generaton",
        "strata:llama.commit",
        "strata:llama.sorce",
        "strata:llama.vmm",
        "strata:python",
        "strata:registry.repository",
      ]);
      assert.match(error.message, /strata:generaton: is not a setting\. Did you mean "generation"\?/);
      assert.match(error.message, /strata:llama\.sorce: is not a setting\. Did you mean "source"\?/);
      assert.match(error.message, /strata:llama\.vmm: expected boolean, got "yes"/);
      assert.match(error.message, /strata:attention\.0: .*got "tritn"\. Did you mean "triton"\?/);
      return true;
    },
  );
});

test("an unknown kind of registry names those that exist", () => {
  assert.throws(
    () => parseConfig({ "strata:registry": '{"kind":"locl"}' }),
    /strata:registry\.kind: .*"?local"?/,
  );
});

test("an address with a login is refused, and the login is not repeated", () => {
  for (const address of ["https://user:hunter22@mirror/", "https://mirror/?private_token=hunter22"]) {
    assert.throws(
      () => parseConfig({ "strata:mirrors": JSON.stringify({ "https://github.com/": address }) }),
      (error: unknown) => {
        assert.match(
          String(error),
          /strata:mirrors\.https:\/\/github\.com\/: expected an address without a login/,
        );
        assert.ok(!String(error).includes("hunter22"));
        return true;
      },
    );
  }
  const { mirrors } = parseConfig({ "strata:mirrors": '{"https://github.com/":"ssh://git@mirror/"}' });
  assert.deepEqual(mirrors, { "https://github.com/": "ssh://git@mirror/" });
});

test("tags that begin as strata's own do are refused", () => {
  const tags = (...list: string[]) => parseConfig({ "strata:tags": JSON.stringify(list) }).tags;
  for (const tag of [
    "stage-x",
    "product-x",
    "cache-x",
    "keep-x",
    "promotions-x",
    "sha256-x",
    "x".repeat(118),
  ]) {
    assert.throws(() => tags(tag), /strata:tags\.0: expected a tag .* stage-, product-, cache-/, tag);
  }
  assert.deepEqual(tags("sha-{commit}", "keeper", "x".repeat(117)).length, 3);
});

test("evidence: how old it may be, and from which host", () => {
  const { evidence } = parseConfig({ "strata:evidence": '{"maxAgeDays":7,"host":"gpu"}' });
  assert.deepEqual(evidence, { maxAgeDays: 7, host: "gpu" });
  assert.throws(() => parseConfig({ "strata:evidence": '{"maxAgeDays":0}' }), /strata:evidence\.maxAgeDays/);
  assert.throws(() => parseConfig({ "strata:evidence": '{"host":"cpu"}' }), /expected one of any, gpu/);
});

test("Pulumi.yaml declares every setting but those that others decide, those of two types and those that may be absent", () => {
  const declared = [
    ...readFileSync(join(repository, "Pulumi.yaml"), "utf8").matchAll(/^ {2}strata:(\w+):/gm),
  ];
  const decided = ["attention", "base", "buildTools", "cuda", "python", "recipe", "tags"];
  const absent = ["compilerCache", "sign", "trust", "vulnerabilities"];
  const undeclared = [...decided, "builder", "compression", "host", ...absent];
  const keys = Object.keys(settingsSchema.shape).filter((key) => !undeclared.includes(key));
  assert.deepEqual(declared.map((match) => match[1]).sort(), keys.sort());
});

test("Pulumi asks nobody for a setting: each that Pulumi.yaml declares has a default", () => {
  const { config } = parse(readFileSync(join(repository, "Pulumi.yaml"), "utf8"));
  for (const [name, declared] of Object.entries(config))
    assert.ok(Object.hasOwn(declared as object, "default"), name);
});

test("the README explains every setting", () => {
  const readme = readFileSync(join(repository, "README.md"), "utf8");
  for (const key of Object.keys(settingsSchema.shape)) assert.ok(readme.includes(`\`${key}\``), key);
});
