/**
 * Comes before a Pulumi program (NODE_OPTIONS). Pulumi's SDK loads at its start what functions need that a program hands to
 * the cloud, and what programs need that drive Pulumi: more than half of what loading it takes. Here that is loaded when
 * somebody uses it.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire, Module } from "node:module";
import { dirname, join, resolve } from "node:path";

/** As the SDK names them. */
const laterModules = ["@npmcli/arborist", "./typescript-shim.js", "./automation/index.js"] as const;

// The language host runs this file, of the SDK that the program has; whatever else is started below is left alone.
const [, started = "", ...words] = process.argv;
if (/\/@pulumi\/pulumi\/cmd\/run\/index\.js$/.test(started)) {
  const sdk = createRequire(join(started, "../../../index.js"));
  for (const name of laterModules) loadLater(sdk, name);
  // The host that is built from its Go module is of 2023, and takes no options from today's CLI.
  if (refusesTsNode(words[words.indexOf("--pwd") + 1] ?? "")) delete process.env.PULUMI_NODEJS_TYPESCRIPT;
}

/** Whether the project says `typescript: false`: its program is no matter of ts-node. */
function refusesTsNode(folder: string): boolean {
  for (let above = resolve(folder); ; above = dirname(above)) {
    const file = join(above, "Pulumi.yaml");
    if (existsSync(file))
      return /\btypescript: *false\b/.test(readFileSync(file, "utf8").replaceAll(/#.*/g, ""));
    if (dirname(above) === above) return false;
  }
}

/** Puts into Node's cache of modules what becomes the real one when something of it is asked for. */
function loadLater(sdk: NodeJS.Require, name: string): void {
  let path: string;
  try {
    path = sdk.resolve(name);
  } catch {
    // Another version of the SDK.
    return;
  }
  let real: object | undefined;
  const opened = (): object => {
    if (real === undefined) {
      delete sdk.cache[path];
      real = sdk(path) as object;
    }
    return real;
  };
  const later = new Module(path);
  later.filename = path;
  later.loaded = true;
  later.exports = new Proxy(
    {},
    {
      // TypeScript's `import *` asks for it first; without it, all names would be copied, and so be asked for.
      get: (_, key) =>
        key === "__esModule" ? true : key === "default" ? opened() : Reflect.get(opened(), key),
      has: (_, key) => Reflect.has(opened(), key),
      ownKeys: () => Reflect.ownKeys(opened()),
      getOwnPropertyDescriptor: (_, key) => {
        const found = Reflect.getOwnPropertyDescriptor(opened(), key);
        return found && { ...found, configurable: true };
      },
    },
  );
  sdk.cache[path] = later;
}
