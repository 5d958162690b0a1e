import { cache } from "../../home.ts";
import { caddyVersion } from "../../layers/caddy/layer.ts";
import { goBuild } from "../../tools/toolchain/go-build.ts";

/** Caddy of the modules that the layer `caddy` pins, built once for all tests of this machine, by its own Go. */
export async function builtCaddy(): Promise<string> {
  const build = {
    module: "../../layers/caddy",
    package: "github.com/caddyserver/caddy/v2/cmd/caddy",
    ldflags: "-s -w",
  };
  return (await goBuild("caddy", caddyVersion, build, cache)).path;
}
