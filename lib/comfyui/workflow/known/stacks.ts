import type { WorkflowNode } from "../workflow.ts";
import { inputValueOf } from "./model-reference.ts";

/** Lists in lists, as the API's format wraps them; deeper than anybody packs. */
const DEEPEST = 8;

/** A file of a node that takes any number of them. */
export interface StackedFile {
  readonly name: string;
  readonly folder: string;
  readonly isOn: boolean;
  /** The node finds it by its name alone, wherever it lies and whatever its ending. */
  readonly isLoose: boolean;
}

/** Objects among a node's values, each with a file and a switch. */
interface SwitchedFiles {
  readonly folder: string;
  readonly key: string;
  readonly switch: string;
  readonly isLoose: boolean;
}

/** Inputs with numbers in their names, of which a count says how many are used, and a switch whether any is. */
interface NumberedFiles {
  readonly folder: string;
  readonly input: (number: number) => string;
  readonly numbers: readonly [number, number];
  /** Among the widgets: the first name's place, and how many lie from one to the next. */
  readonly first: number;
  readonly step: number;
  readonly count?: readonly [string, number];
  readonly toggle?: readonly [string, number];
}

/**
 * rgthree/rgthree-comfy: py/power_lora_loader.py. willmiao/ComfyUI-Lora-Manager: py/nodes/lora_loader.py, lora_stacker.py
 * and wanvideo_lora_select.py.
 */
const switched: Readonly<Record<string, SwitchedFiles>> = {
  "Power Lora Loader (rgthree)": { folder: "loras", key: "lora", switch: "on", isLoose: false },
  "Lora Loader (LoraManager)": loraManager(),
  "Lora Stacker (LoraManager)": loraManager(),
  "WanVideo Lora Select (LoraManager)": loraManager(),
};

/**
 * yolain/ComfyUI-Easy-Use at 4de1ab3: py/nodes/loaders.py. jags111/efficiency-nodes-comfyui at 4579b7d:
 * efficiency_nodes.py. nunchaku-tech/ComfyUI-nunchaku at dbfd194: nodes/lora/flux.py. kijai/ComfyUI-WanVideoWrapper:
 * nodes_model_loading.py.
 */
const numbered: Readonly<Record<string, NumberedFiles>> = {
  "easy loraStack": {
    folder: "loras",
    input: (number) => `lora_${number}_name`,
    numbers: [1, 10],
    first: 3,
    step: 4,
    count: ["num_loras", 2],
    toggle: ["toggle", 0],
  },
  // Which one of them it takes is the input `select`, which others may set: all that are in use.
  "easy loraSwitcher": {
    folder: "loras",
    input: (number) => `lora_${number}_name`,
    numbers: [1, 50],
    first: 4,
    step: 1,
    count: ["num_loras", 2],
    toggle: ["toggle", 0],
  },
  "LoRA Stacker": {
    folder: "loras",
    input: (number) => `lora_name_${number}`,
    numbers: [1, 50],
    first: 2,
    step: 4,
    count: ["lora_count", 1],
  },
  NunchakuFluxLoraStack: {
    folder: "loras",
    input: (number) => `lora_name_${number}`,
    numbers: [1, 15],
    first: 0,
    step: 2,
  },
  WanVideoLoraSelectMulti: {
    folder: "loras",
    input: (number) => `lora_${number}`,
    numbers: [0, 4],
    first: 0,
    step: 2,
  },
};

function loraManager(): SwitchedFiles {
  return { folder: "loras", key: "name", switch: "active", isLoose: true };
}

/** Whether the node is one of these. */
export function isStack(type: string): boolean {
  return Object.hasOwn(switched, type) || Object.hasOwn(numbered, type);
}

/** The files of a node that takes any number of them, each with its switch; none for other nodes. */
export function stackedFiles(node: WorkflowNode): StackedFile[] {
  if (!isStack(node.type)) return [];
  const bySwitch = switched[node.type];
  if (bySwitch) return filesWithSwitch(node, bySwitch);
  const byNumber = numbered[node.type];
  return byNumber ? filesWithNumber(node, byNumber) : [];
}

function filesWithSwitch({ named, widgets }: WorkflowNode, table: SwitchedFiles): StackedFile[] {
  const values = widgets ?? Object.values(named).map((value) => ("value" in value ? value.value : null));
  // A list as a value of its own comes wrapped in the API's format, or not.
  return values
    .flatMap((value) => entriesIn(value))
    .flatMap((entry) => {
      const name = entry[table.key];
      if (typeof name !== "string") return [];
      return [{ name, folder: table.folder, isOn: entry[table.switch] !== false, isLoose: table.isLoose }];
    });
}

function entriesIn(value: unknown, depth = 0): Record<string, unknown>[] {
  if (depth > DEEPEST || typeof value !== "object" || value === null) return [];
  if (Array.isArray(value)) return value.flatMap((each) => entriesIn(each, depth + 1));
  return "__value__" in value ? entriesIn(value.__value__, depth + 1) : [value as Record<string, unknown>];
}

function filesWithNumber(node: WorkflowNode, table: NumberedFiles): StackedFile[] {
  const [from, to] = table.numbers;
  const count = table.count && inputValueOf(node, ...table.count);
  const toggle = table.toggle && inputValueOf(node, ...table.toggle);
  const isOn = toggle !== false && toggle !== "False";
  const files: StackedFile[] = [];
  for (let number = from; number <= to; number++) {
    const name = inputValueOf(node, table.input(number), table.first + table.step * (number - from));
    if (typeof name !== "string") continue;
    const isCounted = typeof count !== "number" || number - from < count;
    files.push({ name, folder: table.folder, isOn: isOn && isCounted, isLoose: false });
  }
  return files;
}
