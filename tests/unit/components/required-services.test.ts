import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { requireServices } from "../../../components/required-services.ts";
import { builderSetting } from "../../../lib/builders/builder-setting.ts";
import { layersFolder, writeFile } from "../../support/layers.ts";
import { freePort } from "../../support/port.ts";
import { startFakeRegistry } from "../oci/support/fake-registry.ts";

/** Docker's folder of the user, and of a machine without an engine. */
function folders(t: TestContext) {
  const [user, own] = [layersFolder(t, {}), layersFolder(t, {})];
  const former = { ...process.env };
  process.env.DOCKER_CONFIG = user;
  delete process.env.BUILDX_CONFIG;
  t.after(() => {
    process.env = former;
  });
  return { user, own };
}

const named = (name: string) => [{ path: "strata:builder", setting: name, names: [name] }];
const far = { kind: "oci", address: "reg.example", repository: "strata" } as const;

test("a builder that buildx does not know is told of, with what to do", async (t) => {
  const { user, own } = folders(t);
  const ask = async (builder: string) =>
    (await requireServices({ builders: named(builder), registries: [far], localAddress: "", ownDocker: own }))
      .warning;
  assert.match(
    (await ask("strata")) ?? "",
    /^builder strata: is not known to buildx in .*\. `make up` makes it, and the registry beside it/,
  );
  writeFile(own, "buildx/instances/strata", "{}");
  assert.ok((await ask("strata"))?.includes(`export BUILDX_CONFIG=${own}/buildx,`));
  writeFile(user, "buildx/instances/strata", "{}");
  assert.equal(await ask("strata"), null);
});

test("the way to a builder elsewhere is opened by strata's commands alone", async (t) => {
  const { user, own } = folders(t);
  const tls = { ca: "ca", cert: "cert", key: "key" };
  const setting = builderSetting.parse({ kind: "remote", address: "tcp://b:1", tls });
  const builders = [{ path: "strata:builders.heavy", setting, names: ["strata-heavy"] }];
  const needed = { builders, registries: [], localAddress: "", ownDocker: own };
  // Another builder of this name, of a former run for instance, would be taken for it.
  writeFile(user, "buildx/instances/strata-heavy", "{}");
  delete process.env.STRATA_WAYS;
  await assert.rejects(
    requireServices(needed),
    /strata:builders\.heavy: .* Use `make up` instead of `pulumi up`/,
  );
  process.env.STRATA_WAYS = own;
  assert.equal((await requireServices(needed)).warning, null);
});

test("a builder may have the name of a Docker context", async (t) => {
  const { user, own } = folders(t);
  writeFile(user, "contexts/meta/1/meta.json", "{");
  writeFile(user, "contexts/meta/2/meta.json", '{"Name":"desktop"}');
  for (const [builder, isKnown] of [
    ["desktop", true],
    ["default", true],
    ["other", false],
  ] as const) {
    const needed = { builders: named(builder), registries: [], localAddress: "", ownDocker: own };
    assert.equal((await requireServices(needed)).warning === null, isKnown, builder);
  }
});

test("a login that builds would not find is told of, with what to do", async (t) => {
  const { user, own } = folders(t);
  await using registry = await startFakeRegistry();
  const local = { kind: "local", repository: "strata" } as const;
  const needed = { builders: named("default"), localAddress: registry.host, ownDocker: own };
  const warning = async (registries: readonly (typeof far | typeof local)[]) =>
    (await requireServices({ ...needed, registries })).warning;
  const config = JSON.stringify({ auths: { [registry.host]: { auth: "YTpi" } } });
  assert.equal(await warning([local]), null, "one that nobody has made here may need none");
  writeFile(own, "config/config.json", config);
  assert.match(
    (await warning([local])) ?? "",
    /^registry .* wants a login, .*export DOCKER_CONFIG=.*config, where/,
  );
  assert.equal(await warning([far]), null);
  writeFile(user, "config.json", config);
  assert.equal(await warning([local]), null);
});

test("a registry on this machine has to answer, and need not have anything yet", async (t) => {
  const { own } = folders(t);
  await using registry = await startFakeRegistry();
  const local = { kind: "local", repository: "strata" } as const;
  const needed = { builders: named("default"), registries: [far, local], ownDocker: own };
  await requireServices({ ...needed, localAddress: registry.host });
  assert.deepEqual(registry.requests, ["HEAD /v2/strata/manifests/none"]);
  await assert.rejects(
    requireServices({ ...needed, localAddress: `127.0.0.1:${await freePort()}` }),
    /registry 127\.0\.0\.1:\d+ does not answer \(ECONNREFUSED\)\. .*start it with `make up`/,
  );
});
