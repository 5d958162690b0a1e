/** Images for a cluster that reaches no registry of others: archives as containerd imports them. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream, readFileSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { gzipSync } from "node:zlib";
import { type Pack, pack } from "tar-stream";

/** A file in an image, and the one of this machine that it is. */
export type ImageFile = readonly [path: string, source: string];

const sha256 = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

/** A program with the shared libraries that it loads. */
export function withLibraries(files: readonly ImageFile[]): ImageFile[] {
  const libraries = files.flatMap(([, source]) => {
    let said = "";
    try {
      said = execFileSync("ldd", [source], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      // It is static.
    }
    return [...said.matchAll(/(\/\S+) \(0x/g)].map(([, path = ""]): ImageFile => [path, path]);
  });
  return [...new Map([...libraries, ...files])];
}

/** Writes an image as an OCI archive. @returns its digest */
export async function writeArchive(
  archive: string,
  name: string,
  files: readonly ImageFile[],
  config: object,
): Promise<string> {
  const layer = await layerOf(files);
  const bytes = (value: object) => Buffer.from(JSON.stringify(value));
  const image = bytes({
    architecture: "amd64",
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
  });
  const compressed = gzipSync(layer, { level: 1 });
  const descriptor = (mediaType: string, content: Buffer) => ({
    mediaType: `application/vnd.oci.image.${mediaType}`,
    digest: `sha256:${sha256(content)}`,
    size: content.length,
  });
  const manifest = bytes({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptor("config.v1+json", image),
    layers: [descriptor("layer.v1.tar+gzip", compressed)],
  });
  const annotations = { "io.containerd.image.name": name };
  const index = bytes({
    schemaVersion: 2,
    manifests: [{ ...descriptor("manifest.v1+json", manifest), annotations }],
  });
  const out = pack();
  out.entry({ name: "oci-layout" }, '{"imageLayoutVersion":"1.0.0"}');
  out.entry({ name: "index.json" }, index);
  for (const blob of [image, compressed, manifest]) out.entry({ name: `blobs/sha256/${sha256(blob)}` }, blob);
  out.finalize();
  await pipeline(out, createWriteStream(archive));
  return `sha256:${sha256(manifest)}`;
}

async function layerOf(files: readonly ImageFile[]): Promise<Buffer> {
  const out = pack();
  const made = new Set<string>();
  for (const folder of ["/tmp", "/run", "/var", "/proc", "/sys", "/dev", "/etc"])
    makeFolder(out, made, folder);
  for (const [path, source] of files) {
    makeFolder(out, made, dirname(path));
    out.entry({ name: path.slice(1), mode: 0o755, mtime: new Date(0) }, readFileSync(realpathSync(source)));
  }
  out.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of out) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function makeFolder(out: Pack, made: Set<string>, folder: string): void {
  const parts = folder.split("/").filter(Boolean);
  for (let length = 1; length <= parts.length; length++) {
    const name = parts.slice(0, length).join("/");
    if (made.has(name)) continue;
    made.add(name);
    out.entry({ name, type: "directory", mode: 0o755, mtime: new Date(0) });
  }
}
