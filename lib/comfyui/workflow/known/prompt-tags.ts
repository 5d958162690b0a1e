import type { WorkflowNode } from "../workflow.ts";
import {
  type AskingNode,
  anyEnding,
  type ModelReference,
  modelReference,
  type NodeModels,
  textsOf,
} from "./model-reference.ts";

/**
 * Classes that load LoRAs which a text names as `<lora:name:weight>`, with the inputs that they read.
 *
 * ltdrdata/ComfyUI-Impact-Pack at 727295b: modules/impact/wildcards.py (`process_with_loras`), core.py (detailers).
 * ltdrdata/ComfyUI-Inspire-Pack at 1aef2c5: inspire/prompt_support.py. rgthree/rgthree-comfy at 13b4399:
 * py/power_prompt.py and sdxl_power_prompt_postive.py. yolain/ComfyUI-Easy-Use at 4de1ab3: py/libs/conditioning.py and
 * the files that call it. bash-j/mikey_nodes at a5aa9cf: mikey_nodes.py.
 */
const readers: readonly { readonly classes: RegExp; readonly inputs: RegExp }[] = [
  { classes: /^ImpactWildcardEncode$|^WildcardEncode \/\/Inspire$/, inputs: /^(wildcard|populated)_text$/ },
  { classes: /^MakeBasicPipe \/\/Inspire$/, inputs: /_(wildcard|populated)_text$/ },
  {
    classes: /^(Mask|Face|SEGS|Edit|To|BasicPipeTo|AnyPipeTo)?Detailer(Pipe|ForEach)?/,
    inputs: /^wildcard/,
  },
  { classes: /^Power Prompt \(rgthree\)$/, inputs: /^prompt$/ },
  { classes: /^SDXL Power Prompt - Positive \(rgthree\)$/, inputs: /^prompt_[gl]$/ },
  {
    classes: /^easy (\w+Loader|loraPromptApply|pipeEdit(Prompt)?|ipadapterApplyRegional)$/,
    inputs: /^(optional_)?(positive|negative)$/,
  },
  {
    classes: /^Prompt With Style V3$|^(WildcardAnd)?LoraSyntaxProcessor$/,
    inputs: /^(text|(positive|negative)_prompt)$/,
  },
];

/** Whether a class loads the LoRAs that its texts name. */
export function readsTags(type: string): boolean {
  return readers.some(({ classes }) => classes.test(type));
}

/** Boxes that write a tag into the text and show a caption otherwise: what they hold is no file. */
export const tagHelpers: ReadonlySet<string> = new Set([
  "Select to add LoRA",
  "insert_lora",
  "insert_embedding",
]);

/** What the texts of a node ask for: LoRAs in tags, where its class reads them, and embeddings, which all of ComfyUI reads. */
export function filesInPrompts(node: AskingNode, isKnown: boolean): NodeModels {
  const embedded = namesIn(textsOf(node), /\bembedding:([^\s,:()[\]<>"']+)/g);
  const embeddings = embedded.map((name) => loose("embeddings", name, node));
  const reader = readers.find(({ classes }) => classes.test(node.type));
  const tagged = namesIn(textsOf(node), /<lora:([^<>:\n]+)(?::[^<>\n]*)?>/gi);
  if (!reader) {
    const isOpen = !isKnown && tagged.length > 0;
    const unknown = isOpen
      ? [
          `has ${tagged.map((name) => `<lora:${name}>`).join(", ")} in its text, and whether it loads that is not known.`,
        ]
      : [];
    return { files: embeddings, unknown };
  }
  if (isOff(node)) return { files: embeddings, unknown: [] };
  const names = namesIn(textsOf(node), /<lora:([^<>:\n]+)(?::(?!-?0*\.?0*>)[^<>\n]*)?>/gi);
  return {
    files: [...embeddings, ...names.map((name) => loose("loras", name, node))],
    unknown: Object.entries(node.named).flatMap(([name, value]) =>
      "from" in value && reader.inputs.test(name)
        ? [
            `gets its ${name} from ${value.from.type} (node ${value.from.id}) when it runs, and loads the LoRAs that it names.`,
          ]
        : [],
    ),
  };
}

/** rgthree's nodes load nothing where their box says so. */
function isOff(node: WorkflowNode): boolean {
  return node.type.endsWith("(rgthree)") && [...textsOf(node)].includes("DISABLE LORAS");
}

function namesIn(texts: Iterable<string>, pattern: RegExp): string[] {
  const names = [...texts].flatMap((text) => [...text.matchAll(pattern)].map(([, name = ""]) => name.trim()));
  return [...new Set(names)].filter((name) => name !== "");
}

/** A file that is found by its name: with the ending that it is named with, else with any. */
function loose(folder: string, name: string, node: AskingNode): ModelReference {
  const reference = modelReference([folder], name, node);
  const hasEnding = /\.(safetensors|sft|ckpt|pt|pth|bin)$/i.test(name);
  return hasEnding ? reference : { ...reference, like: anyEnding(reference.name) };
}
