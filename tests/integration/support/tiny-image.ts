import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { pack } from "tar-stream";
import type { RunReport } from "../../../lib/evidence/evidence.ts";
import { HEALTHCHECK } from "../../../tools/hosts/container.ts";
import { type FakeRegistry, REPOSITORY } from "../../unit/oci/support/fake-registry.ts";

/** What a tiny image does when it is tested. */
export interface TinyImage {
  /** What its `python3` says that the checks found; a text is a script that it runs instead. */
  readonly checks: RunReport | string;
  /** What runs as its entrypoint. Default: makes a file in the volume, and goes on; not where it would fetch models. */
  readonly entrypoint?: string;
  readonly healthcheck?: string;
  readonly architecture?: string;
  /** Further files, by path. */
  readonly files?: Readonly<Record<string, string>>;
}

const programs = ["sh", "sleep", "cat", "chown", "touch", "id", "rm", "cp", "grep"];

export type ImageFiles = Map<string, { mode: number; bytes: Buffer }>;

/** Programs of this machine with their libraries, as they lie in an image. */
export function programFiles(names: readonly string[]): ImageFiles {
  const files: ImageFiles = new Map();
  for (const name of names) {
    const program = execFileSync("sh", ["-c", `command -v ${name}`])
      .toString()
      .trim();
    files.set(`bin/${name}`, { mode: 0o755, bytes: readFileSync(realpathSync(program)) });
    for (const [, library = ""] of execFileSync("ldd", [realpathSync(program)])
      .toString()
      .matchAll(/(\/\S+) \(0x/g)) {
      files.set(library.slice(1), { mode: 0o755, bytes: readFileSync(realpathSync(library)) });
    }
  }
  return files;
}

/** The tar of files, and of folders that everybody may write to. */
export async function tarOf(files: ImageFiles, folders: readonly string[]): Promise<Buffer> {
  const tar = pack();
  for (const name of folders) tar.entry({ name, type: "directory", mode: 0o1777 });
  for (const [name, { mode, bytes }] of files) tar.entry({ name, mode }, bytes);
  tar.finalize();
  return await buffer(tar);
}

/** Pushes an image of this machine's own programs, in which a script stands in for Python, and names it by digest. */
export async function pushTinyImage(registry: FakeRegistry, tag: string, image: TinyImage): Promise<string> {
  const files = programFiles(programs);
  const script = (path: string, text: string) =>
    files.set(path, { mode: 0o755, bytes: Buffer.from(`#!/bin/sh\n${text}\n`) });
  const { checks } = image;
  script(
    "bin/python3",
    typeof checks === "string"
      ? checks
      : 'set -eu; [ "$1" = /smoke/run.py ]; [ -s "$1" ]; [ "$2 $4" = "--user --out" ]; echo "pass 30-torch"; cp /evidence.json "$5"',
  );
  files.set("etc/passwd", {
    mode: 0o644,
    bytes: Buffer.from("root:x:0:0::/:/bin/sh\nstrata:x:1000:1000::/:/bin/sh\n"),
  });
  for (const [path, text] of Object.entries(image.files ?? {}))
    files.set(path, { mode: 0o644, bytes: Buffer.from(text) });
  files.set("evidence.json", { mode: 0o644, bytes: Buffer.from(JSON.stringify(checks)) });
  script(
    "entrypoint",
    image.entrypoint ?? '[ "$STRATA_MODELS" = off ] && touch /workspace/started && exec sleep 600',
  );
  script(HEALTHCHECK.slice(1), image.healthcheck ?? "[ -e /workspace/started ]");
  const layer = await tarOf(files, ["tmp/", "workspace/"]);
  const diffId = `sha256:${createHash("sha256").update(layer).digest("hex")}`;
  const { digest } = registry.image(
    tag,
    [{ mediaType: "application/vnd.oci.image.layer.v1.tar", bytes: layer }],
    {
      architecture: image.architecture ?? "amd64",
      os: "linux",
      config: {
        Entrypoint: ["/entrypoint"],
        User: "1000:1000",
        Env: ["PATH=/bin"],
        Labels: { "strata.size-budget": "1 GB", "strata.compute-capabilities": "" },
      },
      rootfs: { type: "layers", diff_ids: [diffId] },
    },
  );
  return `${registry.host}/${REPOSITORY}@${digest}`;
}
