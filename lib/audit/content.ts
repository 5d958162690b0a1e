/** Bytes that an image carries more than once. */
import type { AuditLayer, Entry, Finding } from "./audit-schema.ts";
import { finding } from "./rules.ts";

/** Copies of smaller files are not worth a look. Bytes. */
const SMALLEST_COPY = 1_000_000;
/** CUDA's user-space libraries. They are to be in an image once, and copies count at any size: libcudart is small. */
const CUDA_LIBRARY =
  /^(lib(?:cudart|cublas|cublasLt|cudnn|nccl|cufft|cufftw|curand|cusparse|cusolver|cusolverMg|nvrtc|nvJitLink)(?:[_.-][A-Za-z_]+)*?)(?:-[0-9a-f]{8})?\.so(?:\.[0-9.]+)?$/;

/** Whether an audit compares this file's content with others', so that a listing must hash it. */
export function needsHash(path: string, size: number): boolean {
  return size > SMALLEST_COPY || (size > 0 && cudaLibrary(path) !== undefined);
}

/** Equal content at different paths, and CUDA libraries in several builds. */
export function findCopies(layers: readonly AuditLayer[]): Finding[] {
  const files = layers.flatMap(({ entries }, index) =>
    entries.filter(({ sha256 }) => sha256 !== undefined).map((entry) => ({ entry, layer: index + 1 })),
  );
  const findings: Finding[] = [];
  for (const same of groupBy(files, ({ entry }) => entry.sha256 ?? "").values()) {
    // The same path twice is a duplicate path, which is a finding of its own.
    const paths = new Map(same.map((file) => [file.entry.path, file]));
    const [first, ...copies] = [...paths.values()];
    if (!first || copies.length === 0) continue;
    const isCuda = [...paths.keys()].some((path) => cudaLibrary(path) !== undefined);
    for (const { entry, layer } of copies) {
      const detail = `${entry.size} bytes equal to /${first.entry.path} in layer ${first.layer}`;
      const severity = isCuda ? "broken" : "warning";
      findings.push(
        finding("same-bytes", layer, `/${entry.path}`, detail, { severity, wastedBytes: entry.size }),
      );
    }
  }
  return [...findings, ...findBuilds(files)];
}

function findBuilds(files: readonly { entry: Entry; layer: number }[]): Finding[] {
  const cuda = files.filter(({ entry }) => cudaLibrary(entry.path) !== undefined);
  const findings: Finding[] = [];
  for (const [library, builds] of groupBy(cuda, ({ entry }) => cudaLibrary(entry.path) ?? "")) {
    const distinct = [...groupBy(builds, ({ entry }) => entry.sha256 ?? "").values()].flatMap(
      ([one]) => one ?? [],
    );
    const [first, ...others] = distinct;
    for (const { entry, layer } of others) {
      if (entry.path === first?.entry.path) continue;
      const detail = `is another build of ${library} than /${first?.entry.path} in layer ${first?.layer}`;
      findings.push(finding("cuda-versions", layer, `/${entry.path}`, detail, { wastedBytes: entry.size }));
    }
  }
  return findings;
}

/** `libcudart` for `…/libcudart-d0da41ae.so.11.0`; undefined for other files, and for the stubs made for linkers. */
function cudaLibrary(path: string): string | undefined {
  if (/(^|\/)stubs\//.test(path)) return undefined;
  return CUDA_LIBRARY.exec(path.slice(path.lastIndexOf("/") + 1))?.[1];
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, key);
}
