import { z } from "zod";
import { byName, contentHash, parseGeneratedLock } from "./lock-file.ts";

const modelInput = z.strictObject({
  /** ComfyUI's names for the folders whose files it lists: `loras`. */
  folders: z.array(z.string().min(1)).min(1),
  /** Its place among the node's widgets, as the editor saves their values; null where the source does not tell. */
  widget: z.int().nonnegative().nullable(),
});

const opened = z.strictObject({
  /** The calls, `hf_hub_download`; one that begins with `?` could not be looked into. */
  calls: z.array(z.string().min(1)).min(1),
  /** The node's inputs that decide on it; `*` is any of them. */
  inputs: z.array(z.string()),
  /** Files and repositories of the hub that the code names. */
  names: z.array(z.string()),
});

const readRepository = z.strictObject({
  commit: z.string().regex(/^[0-9a-f]{40}$/, "a full commit has 40 hex digits"),
  classes: z.array(z.string()),
  /** By class and input: which inputs name a model file. */
  models: z.record(z.string(), z.record(z.string(), modelInput)),
  /** By class: what its code opens or fetches beyond the files that its inputs name. */
  loads: z.record(z.string(), z.array(opened).min(1)),
  /** Classes whose code was not found: what they load is not known. */
  open: z.array(z.string()),
  /** Classes that ComfyUI-Manager lists for it and that the code at this commit does not have: of other versions. */
  elsewhere: z.array(z.string()),
  /** Classes with models that ComfyUI runs although nothing uses their result. */
  alone: z.array(z.string()),
  /** Files that could not be parsed: what they define is not known. */
  unread: z.array(z.string()),
});

const schema = z.strictObject({
  /** ComfyUI and the nodes of locks/nodes.json, read from their sources at these commits. */
  repositories: z.record(z.string(), readRepository),
  /** Where the rest comes from: ComfyUI-Manager at this commit. */
  manager: z.string().nullable(),
  /** Classes of all other known repositories, by `owner/name`, or by address where they are not on GitHub. */
  others: z.record(z.string(), z.array(z.string())),
  /** Regular expressions for classes whose names are computed, by repository. */
  patterns: z.record(z.string(), z.string()),
});

/** Which repository a node class comes from, and which of its inputs name models. */
export type NodeClasses = z.infer<typeof schema>;
export type ModelInput = z.infer<typeof modelInput>;
export type Opened = z.infer<typeof opened>;
export type ReadRepository = z.infer<typeof readRepository>;

/** Where it lies, below the repository. */
export const nodeClassesPath = "locks/node-classes.json";

/** The repository whose classes every image with ComfyUI has. */
export const comfyuiName = "Comfy-Org/ComfyUI";

/** Reads `locks/node-classes.json`. Throws all that is wrong with it. */
export function parseNodeClasses(text: string, path = nodeClassesPath): NodeClasses {
  return parseGeneratedLock(schema, sorted, text, path, "npm run lock -- classes");
}

/** The text of the lock, a line for each repository: the same classes are the same text. */
export function formatNodeClasses(classes: NodeClasses): string {
  const entries = sorted(classes);
  const { repositories, manager, others, patterns } = entries;
  const lines = (record: object) =>
    Object.entries(record)
      .map(([name, value]) => `\n    ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
      .join(",");
  return `{
  "content": ${JSON.stringify(contentHash(entries))},
  "repositories": {${lines(repositories)}
  },
  "manager": ${JSON.stringify(manager)},
  "others": {${lines(others)}
  },
  "patterns": {${lines(patterns)}
  }
}
`;
}

/** Entries by name, fields as the schema has them. */
function sorted(classes: NodeClasses): NodeClasses {
  const { repositories, manager, others, patterns } = schema.parse(classes);
  return {
    repositories: byName(repositories),
    manager,
    others: byName(others),
    patterns: byName(patterns),
  };
}
