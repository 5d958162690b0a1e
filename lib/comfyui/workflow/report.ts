/** What `npm run models` prints: the needs of workflows beside what the model lock holds. */
import { z } from "zod";

const place = z.strictObject({
  workflow: z.string(),
  /** Below the ids of the subgraphs it is in: `57:12`. */
  id: z.string(),
  type: z.string(),
  title: z.string().nullable(),
});

export const ModelsReport = z.strictObject({
  version: z.literal(1),
  workflows: z.array(
    z.strictObject({
      path: z.string(),
      format: z.enum(["editor", "api"]),
      /** Nodes that run, and those that are muted or bypassed. */
      nodes: z.int(),
      inactive: z.int(),
    }),
  ),
  /** Files given that are no workflow: what is below is about the others alone. */
  unreadable: z.array(z.strictObject({ path: z.string(), problem: z.string() })),
  /** The smallest set of models that the workflows need. */
  files: z.array(
    z.strictObject({
      /** Below ComfyUI's folder; where the lock has it, else where ComfyUI looks first. */
      folder: z.string(),
      name: z.string(),
      /** `locked`: it can be built with. `incomplete`: the lock lacks its hash. `missing`: the lock does not have it. */
      state: z.enum(["locked", "incomplete", "missing"]),
      /** Bytes; null where nobody knows. */
      bytes: z.number().nullable(),
      /** Only roughly. */
      isRough: z.boolean(),
      /** From the lock, else as the workflow says. */
      url: z.string().nullable(),
      sha256: z.string().nullable(),
      /** A file of that name which the lock has elsewhere: ComfyUI would not find it. */
      elsewhere: z.string().nullable(),
      askedBy: z.array(place),
    }),
  ),
  /** Node classes that do not come with ComfyUI. */
  nodes: z.array(
    z.strictObject({
      type: z.string(),
      /** `owner/name`; null where it is not known or not settled. */
      repository: z.string().nullable(),
      /** `locked`: in locks/nodes.json. `known`: its repository is known. `unknown`: see `problem`. */
      state: z.enum(["locked", "known", "unknown"]),
      candidates: z.array(z.string()),
      problem: z.string().nullable(),
      usedBy: z.array(place),
    }),
  ),
  /** What may be needed and cannot be told. */
  unresolved: z.array(z.strictObject({ node: place, problem: z.string() })),
  /** Nodes with models whose result nothing uses: their files are not counted. */
  unused: z.array(place),
  /** What the lock holds and no workflow needs. */
  notNeeded: z.array(z.strictObject({ folder: z.string(), name: z.string(), bytes: z.number().nullable() })),
  bytes: z.strictObject({
    needed: z.number(),
    /** Everything in the lock. */
    catalogue: z.number(),
    /** The part of it that is not needed. */
    saved: z.number(),
    /** Needed files of unknown size: `needed` is without them. */
    unknown: z.int(),
  }),
  /** `complete`: every file is locked, every node too, nothing is unresolved, and each file given was read. */
  verdict: z.enum(["complete", "incomplete"]),
});
export type ModelsReport = z.infer<typeof ModelsReport>;
