import { type EditorNode, modelHint } from "./format.ts";
import { isNote } from "./virtual.ts";
import type { ModelAddress, ModelHint } from "./workflow.ts";

/** Two steps, so that a text of any size is gone through once. */
const address = /https:\/\/[^\s"'<>()[\]|]+/gi;
const untilModel = /^.*\.(?:safetensors|sft|ckpt|pt|pth|bin|gguf|onnx)\b/i;

/** What a node or the workflow says of a model. What is no description of one is left out: other programs write there too. */
export function toHint(value: unknown): ModelHint[] {
  const { success, data } = modelHint.safeParse(value);
  if (!success) return [];
  const hash = data.hash_type?.toUpperCase() === "SHA256" ? data.hash?.toLowerCase() : undefined;
  return [
    {
      name: data.name,
      directory: data.directory,
      url: data.url ?? null,
      sha256: hash && /^[0-9a-f]{64}$/.test(hash) ? hash : null,
    },
  ];
}

/** The workflow's own list of models, then links in notes: people name there where a file is from. */
export function addressesOf(models: readonly unknown[], nodes: readonly EditorNode[]): ModelAddress[] {
  const notes = nodes
    .filter(({ type }) => isNote(type))
    .flatMap(({ widgets_values: values }) => Object.values(values ?? {}));
  const linked = notes.flatMap((text) => (typeof text === "string" ? [...text.matchAll(address)] : []));
  const urls = linked.flatMap(([whole]) => untilModel.exec(whole)?.[0] ?? []);
  return [...models.flatMap(toHint), ...urls.map((url) => ({ name: nameIn(url), url, sha256: null }))];
}

function nameIn(url: string): string {
  const last = url.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last);
  } catch {
    return last;
  }
}
