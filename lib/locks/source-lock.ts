import { z } from "zod";
import { type CompiledKernel, type PythonVersion, pythonVersions } from "../gpu/compatibility.ts";
import { parseLockFile } from "./lock-file.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "a sha256 has 64 hex digits");
const version = z.string().min(1);
const commit = z.string().regex(/^[0-9a-f]{40}$/, "a full commit has 40 hex digits");

const release = { version, url: z.url(), sha256, source: z.string().min(1) };

/** CPython for images whose base brings another one. `source` says who vouches for a hash. */
const interpreter = z.strictObject({
  /** An archive of python-build-standalone, `install_only`. */
  standalone: z.strictObject(release).optional(),
  /** The makers' `Python-….tar.xz`; `package`: Debian's source package that keeps the very same file. */
  source: z.strictObject({ ...release, package: z.string().min(1).optional() }).optional(),
});

/** `locks/sources.json`: sources that are compiled here, and programs that are released as files. */
const schema = z.strictObject({
  llamaCpp: z.strictObject({
    /** The source distribution of llama-cpp-python carries llama.cpp in vendor/. */
    sdist: z.strictObject({ package: z.literal("llama-cpp-python"), version: z.string(), sha256 }),
    /** null: the commit of this tag could not be looked up yet, and is never invented. */
    git: z.strictObject({
      repository: z.url(),
      tag: z.string(),
      commit: commit.nullable(),
      source: z.string().optional(),
    }),
  }),
  /** The tunnels' client, as its maker releases it for x86-64. `source` says who vouches for the hash. */
  cloudflared: z.strictObject(release),
  cpython: z.partialRecord(z.enum(pythonVersions), interpreter).default({}),
  /** Attention kernels that a stack may compile: a source distribution of the index, or a repository at a commit. */
  kernels: z.strictObject({
    "flash-attn": z.strictObject({ version, sha256 }),
    sageattention: z.strictObject({ version, repository: z.url(), tag: z.string(), commit }),
  } satisfies Record<CompiledKernel, z.ZodType>),
});

/** What is known of the interpreters, by the version that a stack asks for. */
export type LockedInterpreters = Readonly<Partial<Record<PythonVersion, z.infer<typeof interpreter>>>>;
export type SourceLock = z.infer<typeof schema>;

/** Reads `locks/sources.json`. Throws all that is wrong with it. */
export function parseSourceLock(text: string, path = "locks/sources.json"): SourceLock {
  return parseLockFile(schema, text, path);
}
