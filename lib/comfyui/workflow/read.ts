import { UserError } from "../../../errors.ts";
import { readApi } from "./api.ts";
import { readContainer } from "./containers/containers.ts";
import { readEditor } from "./editor.ts";
import { parsePythonJson } from "./json.ts";
import type { Workflow } from "./workflow.ts";
import { isApi, isEditor, isObject, unwrapped } from "./wrappers.ts";

const remedy = "Save it in ComfyUI with Export or Export (API), and give that file.";

/**
 * Reads a workflow: the editor's format, the API's, or a picture, video or sound that was saved with either of them. JSON
 * may also be the body of a request, with the workflow somewhere in it. What is not understood of a workflow is left out
 * and named; only what is no workflow is an error.
 *
 * @param path where it comes from, for messages
 */
export function readWorkflow(bytes: Buffer, path: string): Workflow {
  const container = readContainer(bytes, path);
  if (!container) return readJson(textOf(bytes), path);
  const { kind, texts } = container;
  const problems: UserError[] = [];
  const [sent, drawn] = saved(texts).map((value) => {
    try {
      if (typeof value === "string") return readJson(value, path);
      return isObject(value) ? readValue(value, path) : undefined;
    } catch (error) {
      problems.push(error as UserError);
      return undefined;
    }
  });
  // What was sent has every value in its place; the editor's form says where nodes and models come from.
  if (sent) return drawn ? withOrigins(sent, drawn) : sent;
  if (drawn) return drawn;
  if (problems[0]) throw problems[0];
  throw new UserError(
    path,
    `is a ${kind} without a workflow.`,
    `Only what ComfyUI saved itself has one. ${remedy}`,
  );
}

/** What was sent, and what the editor showed: under their names, or both in a comment. */
function saved(texts: ReadonlyMap<string, string>): unknown[] {
  const comment = texts.get("comment");
  const packed = comment === undefined ? {} : objectIn(comment);
  return ["prompt", "workflow"].map((key) => texts.get(key) ?? packed[key]);
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value = parsePythonJson(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function readJson(text: string, path: string): Workflow {
  if (text.startsWith("version https://git-lfs.github.com/")) {
    throw new UserError(path, "is a pointer of Git LFS and not the file itself.", "Run git lfs pull.");
  }
  let value: unknown;
  try {
    value = parsePythonJson(text);
  } catch (error) {
    const problem = text.includes("\0") ? "" : `: ${(error as Error).message}`;
    throw new UserError(
      path,
      `is neither JSON nor a file in which ComfyUI saves a workflow${problem}.`,
      remedy,
    );
  }
  return readValue(value, path);
}

function readValue(value: unknown, path: string): Workflow {
  const inner = unwrapped(value);
  if (isEditor(inner)) return readEditor(inner, path);
  if (isApi(inner)) return readApi(inner, path);
  throw new UserError(path, "is not a ComfyUI workflow.", remedy);
}

/** Windows' own tools write two bytes a character. */
function textOf(bytes: Buffer): string {
  const isWide = bytes[0] === 0xff && bytes[1] === 0xfe;
  return isWide ? new TextDecoder("utf-16le").decode(bytes) : bytes.toString("utf8");
}

function withOrigins(sent: Workflow, drawn: Workflow): Workflow {
  const origins = new Map(drawn.nodes.map((node) => [node.id, node]));
  const nodes = sent.nodes.map((node) => {
    const origin = origins.get(node.id);
    return origin?.type === node.type ? { ...node, pack: origin.pack, hints: origin.hints } : node;
  });
  return { ...sent, nodes, addresses: drawn.addresses };
}
