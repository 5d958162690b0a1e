import { z } from "zod";

/** How layers are packed, and which engines read them: what decides both is the media type. */
export const compressionKinds = ["zstd", "gzip"] as const;
export type CompressionKind = (typeof compressionKinds)[number];

export interface Compression {
  readonly kind: CompressionKind;
  readonly level: number;
}

/** What BuildKit takes; its zstd has four strengths: 1 and 2, 3 to 6, 7 and 8, 9 and more. */
const levels: Readonly<Record<CompressionKind, { most: number; standard: number }>> = {
  zstd: { most: 22, standard: 3 },
  gzip: { most: 9, standard: 6 },
};

/** What most layers get in a stack that says nothing: quick to pack, as a change waits for it. */
export const defaultCompression: Compression = { kind: "zstd", level: levels.zstd.standard };

/** What those get that seldom change: BuildKit's best, which is paid once and spares each pull. */
const bestCompression: Compression = { kind: "zstd", level: 9 };

const kindSetting = z.enum(compressionKinds);

const fullSetting = z
  .strictObject({ kind: kindSetting.default("zstd"), level: z.int().min(1).optional() })
  .check(({ value: { kind, level = 1 }, issues }) => {
    const { most } = levels[kind];
    if (level <= most) return;
    issues.push({
      code: "custom",
      path: ["level"],
      input: level,
      message: `expected at most ${most} for ${kind}`,
    });
  });

/** `strata:compression`: a kind, or a kind with its level. */
export const compressionSetting = z
  .union([kindSetting.transform((kind) => ({ kind, level: undefined })), fullSetting])
  .transform(({ kind, level }): Compression => ({ kind, level: level ?? levels[kind].standard }));

function isDefaultCompression({ kind, level }: Compression): boolean {
  return kind === defaultCompression.kind && level === defaultCompression.level;
}

/** How a layer is packed: as the stack says, else by how often it changes. Undefined where it is as most are. */
export function layerCompression(
  said: Compression | undefined,
  { seldomChanges = false }: { readonly seldomChanges?: boolean },
): Compression | undefined {
  const packed = said ?? (seldomChanges ? bestCompression : defaultCompression);
  return isDefaultCompression(packed) ? undefined : packed;
}

/** `gzip 6`: as keys and previews have it. */
export function compressionText({ kind, level }: Compression): string {
  return `${kind} ${level}`;
}

/** What BuildKit's exporters are told of it. */
export function packing({ kind, level }: Compression): string {
  return `compression=${kind},compression-level=${level},force-compression=true`;
}

/**
 * The first versions that read layers packed with zstd: Docker by moby 41759, containerd (and with it Kubernetes) by its
 * pull request 4809. Of Podman the oldest that was tried. An older engine pulls everything, and then says "invalid tar
 * header".
 */
export const zstdEngines = { docker: "23.0", containerd: "1.5", podman: "4.3" } as const;

/** `Docker 23.0, containerd 1.5 or Podman 4.3` */
export const zstdEnginesText = `Docker ${zstdEngines.docker}, containerd ${zstdEngines.containerd} or Podman ${zstdEngines.podman}`;
