import type { ModelReference } from "./model-reference.ts";

/** More than any model has. */
const MOST = 500;

/** `model-00001-of-00005.safetensors`: the files that a model of several parts consists of; the file itself otherwise. */
export function withShards(reference: ModelReference): ModelReference[] {
  const [, start, , of, ending] = /^(.*-)(\d{5})-of-(\d{5})(\.\w+)$/.exec(reference.name) ?? [];
  const count = Number(of);
  if (start === undefined || ending === undefined || !(count > 0 && count <= MOST)) return [reference];
  const own = reference.name.split("/").at(-1) ?? "";
  return Array.from({ length: count }, (_, place) => {
    const name = `${start}${String(place + 1).padStart(5, "0")}-of-${of}${ending}`;
    if (name === reference.name) return reference;
    // The parts lie beside each other, also at their host.
    const url = reference.url?.includes(own)
      ? reference.url.replace(own, name.split("/").at(-1) ?? "")
      : null;
    return { ...reference, name, url, sha256: null };
  });
}

/** What a node also reads beside such a model; undefined where the model is one file. */
export function besideShards({ name, folders }: ModelReference): string | undefined {
  if (!/-\d{5}-of-\d{5}\.\w+$/.test(name)) return undefined;
  const folder = [folders[0], ...name.split("/").slice(0, -1)].join("/");
  return `reads what lies beside the parts of its model in ${folder}: their index, a configuration, a tokenizer. No input names these.`;
}
