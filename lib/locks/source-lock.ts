import { z } from "zod";
import { UserError } from "../../errors.ts";
import type { CompiledKernel } from "../gpu/compatibility.ts";
import { parseWithSchema } from "../schema-errors.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "a sha256 has 64 hex digits");
const version = z.string().min(1);
const commit = z.string().regex(/^[0-9a-f]{40}$/, "a full commit has 40 hex digits");

/** `locks/sources.json`: sources that are compiled here. */
const schema = z.strictObject({
  llamaCpp: z.strictObject({
    /** The source distribution of llama-cpp-python carries llama.cpp in vendor/. */
    sdist: z.strictObject({ package: z.literal("llama-cpp-python"), version: z.string(), sha256 }),
    /** null: the commit of this tag could not be looked up yet, and is never invented. */
    git: z.strictObject({ repository: z.url(), tag: z.string(), commit: commit.nullable() }),
  }),
  /** Attention kernels that a stack may compile: a source distribution of the index, or a repository at a commit. */
  kernels: z.strictObject({
    "flash-attn": z.strictObject({ version, sha256 }),
    sageattention: z.strictObject({ version, repository: z.url(), tag: z.string(), commit }),
  } satisfies Record<CompiledKernel, z.ZodType>),
});

export type SourceLock = z.infer<typeof schema>;

/** Reads `locks/sources.json`. Throws all that is wrong with it. */
export function parseSourceLock(text: string, path = "locks/sources.json"): SourceLock {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(path, `is not JSON: ${(error as Error).message}.`, "Restore it with git.");
  }
  return parseWithSchema(schema, value, (keys) => `${path}: ${keys.join(".")}`, path);
}
