import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import prettyBytes from "pretty-bytes";
import { home } from "../../home.ts";
import { zstdEnginesText } from "../../lib/registry/compression.ts";
import { Transport } from "../../oci/access/transport.ts";
import { compressionOf } from "../../oci/manifest.ts";
import { exportImage } from "../../oci/write/export-image.ts";
import { folderStore, tarStore } from "../../oci/write/image-store.ts";
import { refuseFolder, writeWhole } from "../delivery/draft.ts";
import { byDigest, type DeliveredImage, findImage } from "../delivery/find-image.ts";
import { runWords, shellLine } from "../delivery/run-words.ts";
import { main } from "../program/main.ts";
import { note, withProgress } from "../program/progress.ts";

const HELP = `Usage: npm run export -- [--stack NAME | --reference REFERENCE] [--output PATH] [--folder] [--gzip]

  --stack NAME           whose product (default: dev): what passed its test
  --reference REFERENCE  another image, of any registry that \`docker login\` opens
  --output PATH          where to (default: .strata/exports/<name>.tar)
  --folder               an OCI layout as a folder, instead of one file
  --gzip                 layers in gzip, which every engine reads; digests become others

Writes an image into a file that \`docker load\` and \`podman load\` take, without an engine: an OCI layout and a Docker
archive in one.`;

/** `make export`: an image as a file, for machines that reach no registry. Prints its path. */
await main(
  async () => {
    const { values } = parseArgs({
      options: {
        stack: { type: "string", default: "dev" },
        reference: { type: "string" },
        output: { type: "string" },
        folder: { type: "boolean", default: false },
        gzip: { type: "boolean", default: false },
      },
    });
    const transport = new Transport();
    const found = await findImage(home, values, transport);
    const ending = values.folder ? "" : ".tar";
    const path = resolve(values.output ?? join(home.exports, `${found.name.replace(":", "-")}${ending}`));
    if (values.folder) refuseFolder(path);
    const digest = await writeImage(path, found, transport, values);
    note(describe(found, digest, values));
    process.stdout.write(`${path}\n`);
    return 0;
  },
  { help: HELP },
);

async function writeImage(
  path: string,
  { reference, image, name }: DeliveredImage,
  transport: Transport,
  { folder, gzip }: { readonly folder: boolean; readonly gzip: boolean },
): Promise<string> {
  return await withProgress(`Exporting ${name}`, (say) => {
    let read = 0;
    const onBytes = (count: number) => {
      read += count;
      say(`${prettyBytes(read)} of ${prettyBytes(image.bytes)}`);
    };
    return writeWhole(path, image.bytes, async (draft) => {
      const store = await (folder ? folderStore(draft) : tarStore(draft));
      try {
        return await exportImage(transport, reference, image, store, { name, gzip, onBytes });
      } finally {
        await store.close();
      }
    });
  });
}

/** What it is, and how it gets into an engine. */
function describe(
  found: DeliveredImage,
  digest: string,
  { folder, gzip }: { readonly folder: boolean; readonly gzip: boolean },
): string {
  const { image, name } = found;
  const needsZstd = !gzip && image.layers.some(({ mediaType }) => compressionOf(mediaType) === "zstd");
  const changed = digest === image.digest ? "" : `, with layers in gzip: ${digest}`;
  const words = runWords({
    engine: { kind: "docker" },
    reference: name,
    config: image.config,
    gpu: false,
    variables: [],
    more: [],
  });
  const tag = name.slice(name.indexOf(":") + 1);
  const rows: [string, string][] = [
    ["image", `${byDigest(found)}${changed}`],
    ["engines", needsZstd ? `${zstdEnginesText}, or newer (zstd); --gzip for older ones` : "any"],
    [
      "load it",
      folder
        ? `podman load -i <folder>, or skopeo copy oci:<folder>:${tag} …`
        : "docker load -i <file>, or podman load -i <file>",
    ],
    ...(folder ? [] : [["run it", shellLine(["docker", ...words])] as [string, string]]),
  ];
  return rows.map(([title, value]) => `${title.padEnd(10)}${value}`).join("\n");
}
