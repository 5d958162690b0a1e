import { goPurl, programPurl } from "../../lib/bill/purl.ts";
import type { Layer } from "../../lib/recipe/layer.ts";

/** The Caddy and the Go of go.mod and go-requirements.txt; a test compares. */
export const caddyVersion = "2.11.9";
const goVersion = "1.27.3";

/** Stock Caddy: no module of others, so nothing but its own releases can change it. */
export const caddy: Layer = {
  name: "caddy",
  summary: "Caddy, the web server before the image's services, compiled from its pinned Go modules",
  parents: () => ["toolbox"],
  shared: ["shared/finish.sh", "shared/trust.sh"],
  pins: () => ({ Caddy: caddyVersion, Go: goVersion }),
  owns: () => ["/opt/caddy"],
  components: () => [
    {
      kind: "compiled",
      name: "caddy",
      version: caddyVersion,
      purl: programPurl("caddy", caddyVersion),
      paths: ["/opt/caddy"],
      source: { purl: goPurl("github.com/caddyserver/caddy/v2", `v${caddyVersion}`) },
      comment: `Compiled with Go ${goVersion}, of the modules in its go.sum alone.`,
    },
  ],
};
