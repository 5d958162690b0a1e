/** What an audit reads and what it says. */
import { z } from "zod";

/** One member of a layer's tar. */
export const Entry = z.strictObject({
  /** Without a leading slash; the root folder is the empty string. Whiteouts keep their `.wh.` name. */
  path: z.string(),
  type: z.enum(["file", "directory", "symlink", "hardlink", "device", "fifo"]),
  /** Bytes of content; 0 for everything but files. */
  size: z.number(),
  /** Permission bits with set-uid, set-gid and sticky: at most 0o7777. */
  mode: z.number(),
  uid: z.number(),
  gid: z.number(),
  /** Where a symlink or hard link points, as written. */
  linkTarget: z.string().optional(),
  /** Hexadecimal, present for the files whose copies are looked for (`needsHash`). */
  sha256: z.string().optional(),
  /** Kinds of secret that the name or content shows. */
  secrets: z.array(z.string()).optional(),
});
export type Entry = z.infer<typeof Entry>;

/** Everything an audit needs to know about one layer's content. */
export const Listing = z.strictObject({ entries: z.array(Entry) });
export type Listing = z.infer<typeof Listing>;

/**
 * Raise it whenever listings would come out different (fields, `needsHash`, the secret patterns): kept listings of
 * another version are read anew.
 */
export const LISTING_VERSION = 2;

/** A layer as the audit sees it. */
export interface AuditLayer {
  readonly digest: string;
  /** Compressed bytes. */
  readonly bytes: number;
  /** Name of the stage that made it, from the layer's annotation, if it has one. */
  readonly stage?: string;
  readonly entries: readonly Entry[];
}

/** The parts of an image configuration that the audit reads. */
export interface AuditConfig {
  readonly os: string;
  readonly architecture: string;
  readonly config?:
    | {
        readonly Env?: readonly string[] | null | undefined;
        readonly Labels?: Readonly<Record<string, string>> | null | undefined;
        readonly Entrypoint?: readonly string[] | null | undefined;
        readonly Cmd?: readonly string[] | null | undefined;
        readonly WorkingDir?: string | null | undefined;
      }
    | null
    | undefined;
  readonly history?:
    | readonly {
        readonly created_by?: string | undefined;
        readonly comment?: string | undefined;
        readonly empty_layer?: boolean | undefined;
      }[]
    | null
    | undefined;
}

/** What is audited. */
export interface AuditInput {
  readonly reference: string;
  readonly digest: string;
  /** Compressed bytes of layers and configuration. */
  readonly bytes: number;
  /** Lowest first. */
  readonly layers: readonly AuditLayer[];
  readonly config: AuditConfig;
  /** How many of the lowest layers are the `system` image. Default: label `strata.system-layers`, otherwise 1. */
  readonly systemLayers?: number;
  /** Most compressed bytes allowed. Default: label `strata.size-budget`, otherwise no limit. */
  readonly budgetBytes?: number;
  /** Folders of the machine that built the image; none may be named in its configuration. Default: none. */
  readonly hostPaths?: readonly string[];
}

const CODES = [
  "duplicate-path",
  "type-conflict",
  "directory-mismatch",
  "whiteout",
  "secret",
  "secret-in-config",
  "secret-named-variable",
  "host-path",
  "set-uid",
  "world-writable",
  "same-bytes",
  "cuda-versions",
  "device-node",
  "dangling-symlink",
  "size-budget",
  "layer-size",
  "layer-count",
  "platform",
  "stage-names",
] as const;

/** One thing that is not as it should be. */
export const Finding = z.strictObject({
  code: z.enum(CODES),
  /** `broken`: an invariant does not hold, the audit fails. `warning`: worth a look. */
  severity: z.enum(["broken", "warning"]),
  /** Number of the layer, counted from 1 at the bottom; null for the configuration or the image as a whole. */
  layer: z.number().int().positive().nullable(),
  /** Absolute path in the image; null where there is none. */
  path: z.string().nullable(),
  /** What was found. Never holds a secret. */
  detail: z.string(),
  remedy: z.string(),
  /** Uncompressed bytes that are carried for nothing; 0 where that is not the point. */
  wastedBytes: z.number().nonnegative(),
});
export type Finding = z.infer<typeof Finding>;
export type FindingCode = Finding["code"];

/** What `npm run audit -- <ref> --json` prints. */
export const AuditReport = z.strictObject({
  version: z.literal(1),
  reference: z.string(),
  /** Digest of the manifest that was read. */
  digest: z.string(),
  /** Compressed bytes of layers and configuration. */
  bytes: z.number(),
  /** Bytes of all files in all layers. */
  unpackedBytes: z.number(),
  /** Most compressed bytes allowed; null: no limit. */
  budgetBytes: z.number().nullable(),
  systemLayers: z.number().int().nonnegative(),
  layers: z.array(
    z.strictObject({
      number: z.number().int().positive(),
      digest: z.string(),
      stage: z.string(),
      /** Compressed. */
      bytes: z.number(),
      unpackedBytes: z.number(),
      /** Regular files and hard links. */
      files: z.number().int(),
      /** Part of the `system` image. */
      system: z.boolean(),
    }),
  ),
  /** Number of the layer with the most compressed bytes; null for an image without layers. */
  largestLayer: z.number().int().nullable(),
  /** Bytes of files that a higher layer than `system` carries again at the same path. */
  duplicateBytes: z.number(),
  findings: z.array(Finding),
  /** `broken` when any finding is. */
  verdict: z.enum(["pass", "broken"]),
});
export type AuditReport = z.infer<typeof AuditReport>;
