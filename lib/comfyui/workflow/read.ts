import type { z } from "zod";
import { UserError } from "../../../errors.ts";
import { parseWithSchema } from "../../schema-errors.ts";
import { readApi } from "./api.ts";
import { readEditor } from "./editor.ts";
import { apiWorkflow, editorWorkflow } from "./format.ts";
import { isPng, pngTexts } from "./png.ts";
import type { Workflow } from "./workflow.ts";

/**
 * Reads a workflow: the editor's format, the API's, or a PNG that ComfyUI saved with either of them. JSON may also be
 * the body of a request, with the workflow in `prompt`, `workflow` or `input`.
 *
 * @param path where it comes from, for messages
 */
export function readWorkflow(bytes: Buffer, path: string): Workflow {
  if (isPng(bytes)) {
    const texts = pngTexts(bytes, path);
    // What was sent has every value in its place; the editor's form is read where only that was saved.
    const text = texts.get("prompt") ?? texts.get("workflow");
    if (text !== undefined) return readJson(text, path);
    throw new UserError(
      path,
      "is a PNG without a workflow.",
      "Only images that ComfyUI saved itself have one.",
    );
  }
  return readJson(bytes.toString("utf8"), path);
}

function readJson(text: string, path: string): Workflow {
  let value: unknown;
  try {
    value = JSON.parse(withoutNaN(text.replace(/^\ufeff/, "")));
  } catch (error) {
    throw new UserError(path, `is neither JSON nor a PNG: ${(error as Error).message}.`, "");
  }
  const inner = unwrapped(value);
  if (isObject(inner) && Array.isArray(inner.nodes)) {
    return readEditor(valid(editorWorkflow, inner, path), path);
  }
  if (isApi(inner)) return readApi(valid(apiWorkflow, inner, path), path);
  throw new UserError(
    path,
    "is not a ComfyUI workflow.",
    "Save it in ComfyUI with Export or Export (API), and give that file.",
  );
}

function valid<T extends z.ZodType>(schema: T, value: unknown, path: string): z.output<T> {
  return parseWithSchema(schema, value, (keys) => `${path}: ${keys.join(".")}`, path);
}

/** Python writes numbers that JSON does not have into what it saves; no input that matters here is one. */
function withoutNaN(text: string): string {
  return text.replace(/("(?:[^"\\]|\\.)*")|-?\b(?:NaN|Infinity)\b/g, (_, string) => string ?? "null");
}

function unwrapped(value: unknown): unknown {
  if (!isObject(value) || Array.isArray(value.nodes) || isApi(value)) return value;
  for (const key of ["prompt", "workflow", "input"]) {
    if (isObject(value[key])) return unwrapped(value[key]);
  }
  return value;
}

function isApi(value: unknown): boolean {
  return (
    isObject(value) &&
    Object.keys(value).length > 0 &&
    Object.values(value).every((node) => isObject(node) && typeof node.class_type === "string")
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
