import assert from "node:assert/strict";
import { test } from "node:test";
import {
  builderOf,
  builderSetting,
  buildersSetting,
  isFar,
  kindOfBuilder,
  stackBuilders,
} from "../../../../lib/builders/builder-setting.ts";

const tls = { ca: "ca.pem", cert: "cert.pem", key: "key.pem" };
const remote = (...address: string[]) => ({ kind: "remote", address, tls });
const parsed = (builder: unknown, builders: unknown = {}) =>
  stackBuilders({ builder: builderSetting.parse(builder), builders: buildersSetting.parse(builders) });

test("a place has the name that images know, wherever it is", () => {
  const names = (builder: unknown, heavy?: unknown) => {
    const found = parsed(builder, { heavy });
    return [found.default.names, found.heavy.names];
  };
  assert.deepEqual(names("strata"), [["strata"], ["strata"]]);
  assert.deepEqual(names({ kind: "local" }), [["strata"], ["strata"]]);
  assert.deepEqual(names(remote("tcp://a:1")), [["strata"], ["strata"]]);
  assert.deepEqual(names(remote("tcp://a:1", "tcp://b:1")), [
    ["strata", "strata-2"],
    ["strata", "strata-2"],
  ]);
  assert.deepEqual(names("strata", { kind: "local" }), [["strata"], ["strata-heavy"]]);
  assert.deepEqual(names({ kind: "local" }, remote("tcp://a:1", "tcp://b:1")), [
    ["strata"],
    ["strata-heavy", "strata-heavy-2"],
  ]);
  assert.deepEqual(names("mine", "theirs"), [["mine"], ["theirs"]]);
});

test("the setting that says it is named in errors", () => {
  assert.equal(parsed("mine").default.path, "strata:builder");
  const both = parsed("strata", { default: "mine", heavy: "theirs" });
  assert.deepEqual(
    [both.default.path, both.heavy.path],
    ["strata:builders.default", "strata:builders.heavy"],
  );
  assert.equal(both.default.setting, "mine");
});

test("whose builder it is", () => {
  const kinds = ["strata", "mine", { kind: "local" }, remote("tcp://a:1")].map((each) =>
    kindOfBuilder(builderSetting.parse(each)),
  );
  assert.deepEqual(kinds, ["local", "named", "local", "remote"]);
  assert.ok(isFar(builderSetting.parse(remote("tcp://a:1"))) && !isFar("mine"));
});

test("heavy stages go to the heavy builder, others to the other one", () => {
  const builders = parsed("strata", { heavy: remote("tcp://a:1") });
  assert.equal(builderOf(builders, { name: "torch" }), "strata");
  assert.equal(builderOf(builders, { name: "llama-cpp", weight: { compilerMemory: 1 } }), "strata-heavy");
});

test("stages are spread over addresses, and a further one moves few", () => {
  const stages = Array.from({ length: 60 }, (_, index) => ({ name: `stage-${index}` }));
  const drawn = (count: number) => {
    const addresses = Array.from({ length: count }, (_, index) => `tcp://b${index}:1`);
    const builders = parsed(remote(...addresses));
    return stages.map((stage) => builderOf(builders, stage));
  };
  const [two, three] = [drawn(2), drawn(3)];
  assert.deepEqual([...new Set(two)].sort(), ["strata", "strata-2"]);
  assert.ok(two.filter((name) => name === "strata").length > 20);
  assert.ok(two.every((name, index) => three[index] === name || three[index] === "strata-3"));
  assert.deepEqual(drawn(2), two);
});

test("what is no place says what would be one", () => {
  const message = (value: unknown) => builderSetting.safeParse(value).error?.message ?? "";
  assert.equal(message(remote("tcp://[fd00::1]:1234")), "");
  for (const address of ["build.example.org", "https://a:1", "tcp://a", "tcp://a:1/x"]) {
    assert.notEqual(message(remote(address)), "", address);
  }
  assert.notEqual(message({ kind: "remote", address: "tcp://a:1", tls: { ...tls, key: undefined } }), "");
  assert.notEqual(message({ ...remote("tcp://a:1"), patience: 41 }), "");
  assert.notEqual(message({ kind: "aws" }), "");
});
