import assert from "node:assert/strict";
import { test } from "node:test";
import { bundleConfig } from "../../../../tools/shell/bundle.ts";

interface Config {
  readonly process: {
    readonly terminal: boolean;
    readonly args: readonly string[];
    readonly env: readonly string[];
    readonly capabilities: Readonly<Record<string, readonly string[]>>;
  };
  readonly hostname: string;
  readonly mounts: readonly {
    readonly destination: string;
    readonly source: string;
    readonly options?: readonly string[];
  }[];
  readonly linux: { readonly namespaces: readonly { readonly type: string }[] };
}

const config = bundleConfig({
  hostname: "torch",
  args: ["/bin/sh", "-c", "true"],
  environment: { PATH: "/usr/bin" },
  terminal: true,
  folders: [{ source: "/machine/folder", destination: "/context" }],
}) as Config;

test("a bundle says what runs, how, and under which name", () => {
  assert.equal(config.process.terminal, true);
  assert.deepEqual(config.process.args, ["/bin/sh", "-c", "true"]);
  assert.deepEqual(config.process.env, ["PATH=/usr/bin"]);
  assert.equal(config.hostname, "torch");
});

test("a folder of the machine can be read and not written", () => {
  const mount = config.mounts.find(({ destination }) => destination === "/context");
  assert.equal(mount?.source, "/machine/folder");
  assert.deepEqual(mount?.options, ["bind", "ro"]);
});

test("the network is the machine's, all else the container's own", () => {
  const types = config.linux.namespaces.map(({ type }) => type).sort();
  assert.deepEqual(types, ["ipc", "mount", "pid", "uts"]);
});

test("nothing of the machine can be written, and no capability reaches it", () => {
  for (const { destination, options } of config.mounts) {
    if (/^\/(etc|sys)/.test(destination)) assert.ok(options?.includes("ro"), destination);
  }
  for (const granted of Object.values(config.process.capabilities)) {
    for (const name of ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_NET_ADMIN", "CAP_SYS_MODULE"]) {
      assert.ok(!granted.includes(name), name);
    }
  }
});
