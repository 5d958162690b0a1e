import { createHash } from "node:crypto";
import { z } from "zod";
import { UserError } from "../../errors.ts";
import { parseWithSchema } from "../schema-errors.ts";

const modelInput = z.strictObject({
  /** ComfyUI's names for the folders whose files it lists: `loras`. */
  folders: z.array(z.string().min(1)).min(1),
  /** Its place among the node's widgets, as the editor saves their values; null where the source does not tell. */
  widget: z.int().nonnegative().nullable(),
});

const readRepository = z.strictObject({
  commit: z.string().regex(/^[0-9a-f]{40}$/, "a full commit has 40 hex digits"),
  classes: z.array(z.string()),
  /** By class and input: which inputs name a model file. */
  models: z.record(z.string(), z.record(z.string(), modelInput)),
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
export type ReadRepository = z.infer<typeof readRepository>;

/** Where it lies, below the repository. */
export const nodeClassesPath = "locks/node-classes.json";

/** The repository whose classes every image with ComfyUI has. */
export const comfyuiName = "Comfy-Org/ComfyUI";

const fileSchema = schema.extend({ content: z.string() });

/** Reads `locks/node-classes.json`. Throws all that is wrong with it. */
export function parseNodeClasses(text: string, path = nodeClassesPath): NodeClasses {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(path, `is not JSON: ${(error as Error).message}.`, "Restore it with git.");
  }
  const { content, ...classes } = parseWithSchema(
    fileSchema,
    value,
    (keys) => `${path}: ${keys.join(".")}`,
    path,
  );
  if (content === contentHash(classes)) return classes;
  throw new UserError(path, "was edited by hand.", "Run `npm run lock -- classes`.");
}

/** The text of the lock, a line for each repository: the same classes are the same text. */
export function formatNodeClasses(classes: NodeClasses): string {
  const { repositories, manager, others, patterns } = sorted(classes);
  const lines = (record: object) =>
    Object.entries(record)
      .map(([name, value]) => `\n    ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
      .join(",");
  return `{
  "content": ${JSON.stringify(contentHash(classes))},
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

function contentHash(classes: NodeClasses): string {
  return `sha256:${createHash("sha256")
    .update(JSON.stringify(sorted(classes)))
    .digest("hex")}`;
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

function byName<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
