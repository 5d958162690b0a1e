import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compare } from "compare-versions";
import { UserError } from "../../errors.ts";
import { repository } from "../../home.ts";
import { attempt, run, tail } from "../program/exec.ts";
import { withProgress } from "../program/progress.ts";
import { executables } from "./find.ts";
import { produce } from "./produce.ts";
import { findVersion } from "./tool-versions.ts";
import type { GoBuild } from "./tools.ts";

/** The first Go that fetches by itself the newer one that a go.mod asks for. */
const GO_MINIMUM = "1.21";

/** The pinned modules of the toolchain. */
export const goModules = join(repository, "tools", "go");

/** Every file of a module's folder, so that a local replacement counts too, as one hash. */
export function hashFolder(folder: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  for (const file of files) {
    hash
      .update(`${file.slice(folder.length)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  return hash.digest("hex");
}

/** The folder name of a build in the cache: another source, flag or compiler is another build. */
export function buildName(
  tool: string,
  version: string,
  build: GoBuild,
  sources: string,
  go: string,
): string {
  const hash = createHash("sha256")
    .update(JSON.stringify([build, sources, go]))
    .digest("hex");
  return `${tool}-${version}-${hash.slice(0, 16)}`;
}

/** Builds a tool from its pinned module, or takes it from the cache; `built` says which. */
export async function goBuild(
  tool: string,
  version: string,
  build: GoBuild,
  cache: string,
): Promise<{ path: string; built: boolean }> {
  const module = join(goModules, build.module);
  const go = await findGo(tool);
  const name = buildName(tool, version, build, hashFolder(module), go.version);
  const folder = join(cache, "go-tools", name);
  let built = false;
  await withProgress(`Building ${tool} ${version} from its Go module`, (say) =>
    produce(folder, async (temporary) => {
      built = true;
      let packages = 0;
      const result = await attempt(
        go.path,
        [
          "build",
          "-v",
          "-buildvcs=false",
          "-ldflags",
          build.ldflags,
          ...(build.tags === undefined ? [] : ["-tags", build.tags]),
          "-o",
          join(temporary, tool),
          build.package,
        ],
        {
          cwd: module,
          // What the user has set for other projects must not change what is built here.
          env: { GOFLAGS: "-mod=readonly", GOWORK: "off", GOOS: "linux", GOARCH: "amd64" },
          onLine: (line) => {
            if (line.startsWith("go: downloading")) say(line.slice(4));
            else say(`${++packages} packages compiled`);
          },
        },
      );
      if (result.ok) return;
      throw new UserError(
        `tools/go/${build.module}`,
        `go build of ${tool} failed:\n${tail(result.all, 15)}\n`,
        "Check the network (go env GOPROXY) and the memory (2.1 GB are needed); the same command goes on.",
      );
    }),
  );
  return { path: join(folder, tool), built };
}

let chosen: Promise<{ path: string; version: string }> | undefined;

function findGo(tool: string): Promise<{ path: string; version: string }> {
  chosen ??= (async () => {
    for (const path of executables("go", process.env.PATH ?? "")) {
      const version = await run(path, ["env", "GOVERSION"]);
      const number = findVersion(version);
      if (number && compare(number, GO_MINIMUM, ">=")) return { path, version };
    }
    throw new UserError(
      tool,
      "is not on PATH, its official download cannot be reached, and there is no Go to build it with.",
      `Install ${tool}, or Go ${GO_MINIMUM} or newer, or open the way to github.com, and run the same command again.`,
    );
  })();
  return chosen;
}
