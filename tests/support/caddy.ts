import { copyFileSync, mkdirSync } from "node:fs";
import { join, relative } from "node:path";
import { cache, repository } from "../../home.ts";
import { caddyVersion } from "../../layers/caddy/layer.ts";
import { goBuild, goModules } from "../../tools/toolchain/go-build.ts";

/** Caddy of the modules that the layer `caddy` pins, built once for all tests of this machine, with its own Go. */
export async function builtCaddy(): Promise<string> {
  // Alone, as any other file of the layer would count as another source.
  const module = join(cache, "caddy-module");
  mkdirSync(module, { recursive: true });
  for (const file of ["go.mod", "go.sum", "tools.go"])
    copyFileSync(join(repository, "layers/caddy", file), join(module, file));
  const build = {
    module: relative(goModules, module),
    package: "github.com/caddyserver/caddy/v2/cmd/caddy",
    ldflags: "-s -w",
  };
  return (await goBuild("caddy", caddyVersion, build, cache)).path;
}
