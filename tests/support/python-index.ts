import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { crc32, gzipSync } from "node:zlib";
import { normaliseName } from "../../lib/locks/python-lock.ts";
import { makeTar } from "../unit/oci/support/tar.ts";

/** A release of a package as an index has it. */
export interface PackageRelease {
  readonly name: string;
  readonly version: string;
  readonly requires?: readonly string[];
  /** Tags of its wheels. @default one wheel that fits everything */
  readonly wheels?: readonly string[];
  /** Whether there is a source distribution. @default false */
  readonly source?: boolean;
  /** When its files were uploaded; an index that says it for none answers in HTML, where there is no place for it. */
  readonly uploaded?: string;
  /** Python that runs when the source distribution is asked what it needs: its metadata is known only then. */
  readonly backend?: string;
}

export interface PythonIndex {
  /** What UV_DEFAULT_INDEX is set to. */
  readonly address: string;
  /** Names of packages, each time that somebody asks for their files. */
  readonly asked: readonly string[];
  add(...releases: readonly PackageRelease[]): Promise<void>;
  stop(): Promise<void>;
}

/** An index of Python packages (PEP 503) on the loopback address; its packages hold metadata and nothing else. */
export async function startPythonIndex(): Promise<PythonIndex> {
  const files = new Map<string, Buffer>();
  const asked: string[] = [];
  const uploads = new Map<string, string>();
  const server = createServer((request, response) => {
    const [, kind, name = ""] = (request.url ?? "").split("/");
    const bytes = files.get(decodeURIComponent(name));
    if (kind === "files" && bytes) return response.end(bytes);
    if (kind === "simple") asked.push(name);
    const found = [...files].filter(([file]) => kind === "simple" && packageOf(file) === name);
    if (found.length === 0) return response.writeHead(404).end();
    // PEP 691 and 700, as PyPI answers uv.
    if (found.some(([file]) => uploads.has(file))) {
      response.setHeader("content-type", "application/vnd.pypi.simple.v1+json");
      const listed = found.map(([file, content]) => ({
        filename: file,
        url: `/files/${encodeURIComponent(file)}`,
        hashes: { sha256: createHash("sha256").update(content).digest("hex") },
        ...(uploads.has(file) ? { "upload-time": uploads.get(file) } : {}),
      }));
      return response.end(
        JSON.stringify({ meta: { "api-version": "1.1" }, name, versions: [], files: listed }),
      );
    }
    const links = found.map(([file, content]) => {
      const hash = createHash("sha256").update(content).digest("hex");
      return `<a href="/files/${encodeURIComponent(file)}#sha256=${hash}">${file}</a>`;
    });
    response.setHeader("content-type", "text/html");
    return response.end(`<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`,
    asked,
    add: async (...releases) => {
      for (const release of releases) {
        const { name, version, wheels = ["py3-none-any"], source = false } = release;
        const stem = `${name.replace(/[-.]+/g, "_")}-${version}`;
        const put = (file: string, content: Buffer) => {
          files.set(file, content);
          if (release.uploaded) uploads.set(file, release.uploaded);
        };
        for (const tags of wheels) put(`${stem}-${tags}.whl`, wheel(stem, release));
        if (source) put(`${stem}.tar.gz`, await sourceDistribution(stem, release));
      }
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function packageOf(file: string): string {
  return normaliseName(/^(.+?)-\d/.exec(file)?.[1] ?? "");
}

/** Version 2.2 says that a source distribution's metadata is final, so nothing has to be built to know it. */
function metadata({ name, version, requires = [], backend }: PackageRelease): string {
  const lines = [
    `Metadata-Version: ${backend === undefined ? "2.2" : "2.1"}`,
    `Name: ${name}`,
    `Version: ${version}`,
    ...requires.map((requirement) => `Requires-Dist: ${requirement}`),
  ];
  return `${lines.join("\n")}\n`;
}

function wheel(stem: string, release: PackageRelease): Buffer {
  return zip({
    [`${stem}.dist-info/METADATA`]: metadata(release),
    [`${stem}.dist-info/WHEEL`]:
      "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    [`${stem}.dist-info/RECORD`]: "",
  });
}

async function sourceDistribution(stem: string, release: PackageRelease): Promise<Buffer> {
  const { name, version, backend } = release;
  const project = backend === undefined ? `\n[project]\nname = "${name}"\nversion = "${version}"\n` : "";
  const own = backend === undefined ? "" : 'build-backend = "backend"\nbackend-path = ["."]\n';
  const tar = await makeTar([
    { name: `${stem}/PKG-INFO`, content: metadata(release) },
    { name: `${stem}/pyproject.toml`, content: `[build-system]\nrequires = []\n${own}${project}` },
    ...(backend === undefined ? [] : [{ name: `${stem}/backend.py`, content: buildBackend(stem, release) }]),
  ]);
  return gzipSync(tar);
}

/** As PEP 517 has it: what is asked of a package before it is built. */
function buildBackend(stem: string, release: PackageRelease): string {
  return [
    "import pathlib",
    release.backend ?? "",
    "def prepare_metadata_for_build_wheel(folder, settings=None):",
    `    made = pathlib.Path(folder, "${stem}.dist-info")`,
    "    made.mkdir()",
    `    made.joinpath("METADATA").write_text(${JSON.stringify(metadata(release))})`,
    "    return made.name",
    "def build_wheel(folder, settings=None, metadata=None):",
    '    raise SystemExit("nobody asked for it")',
    "",
  ].join("\n");
}

/** An archive without compression. */
function zip(entries: Readonly<Record<string, string>>): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(entries)) {
    const content = Buffer.from(text);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    // 1980-01-01, the earliest that zip can say.
    common.writeUInt16LE(0x21, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), content]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00"), common, rest, Buffer.from(name));
    bodies.push(local);
    offset += local.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(bodies.length, 8);
  end.writeUInt16LE(bodies.length, 10);
  end.writeUInt32LE(index.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...bodies, index, end]);
}
