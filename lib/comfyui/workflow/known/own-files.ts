import type { Opened } from "../../../locks/node-classes.ts";
import type { ClassIndex } from "../class-index.ts";
import { curatedInputsOf, isBundledFolder } from "../curated-inputs.ts";
import type { AskingNode } from "./model-reference.ts";
import { readsTags } from "./prompt-tags.ts";
import { settled } from "./settled-classes.ts";
import { isStack } from "./stacks.ts";
import { unnamedFiles } from "./unnamed-files.ts";

const words = new Map(Object.values(unnamedFiles).flatMap((files) => Object.entries(files)));

/** How readers of tags find and open LoRAs. */
const tagCalls = new Set(["folder", "folder loras", "load_torch_file", "load_lora"]);

/** What asks any address: a picture, a service, or a model. */
const asking = new Set("get post request Request Session ClientSession urlopen urlretrieve".split(" "));

/** A call into code that could not be looked into, and one of another node. */
const DARK = "?";
const OTHER_NODE = "?node ";

/** Nodes that run nodes that run nodes. */
const DEEPEST = 4;

/** More than one reads in a line. */
const MOST_NAMES = 4;

/**
 * What the code of a node's class loads that nothing of the node names: each the end of a sentence. `isAnswered` where the
 * node's own table has said which files these are. Undefined where nobody has read the class: it is of no locked repository.
 */
export function ownFiles(node: AskingNode, classes: ClassIndex, isAnswered: boolean): string[] | undefined {
  const known = words.get(node.type);
  if (known !== undefined) return [`needs files that it does not name: ${known}.`];
  const opened = classes.opens(node.type);
  if (opened === undefined || isAnswered || settled(node.type) !== undefined) return opened && [];
  if (opened === "unknown") return ["may load files of its own: its code was not found among the node's."];
  const left = opened.flatMap((each) => unexplained(each, node.type, classes) ?? []);
  const loads = left.filter(({ calls }) => calls.some((call) => !call.startsWith(DARK)));
  if (loads.length > 0) return [sentence(loads, node)];
  const dark = [...new Set(left.flatMap(({ calls }) => calls))].map((call) => call.slice(DARK.length));
  if (dark.length === 0) return [];
  return [`may load files of its own: its code could not be followed everywhere (${short(dark)}).`];
}

/** What is left of an entry: an input that names the file is answered where inputs are, other nodes by what they load. */
function unexplained(entry: Opened, type: string, classes: ClassIndex): Opened | undefined {
  const { inputs, names } = entry;
  const isTag = (call: string) => readsTags(type) && names.length === 0 && opensTag(call, classes);
  const calls = entry.calls.filter(
    (call) => !isBundled(call) && !isTag(call) && !(call.startsWith(OTHER_NODE) && isHarmless(call, classes)),
  );
  if (calls.length === 0) return undefined;
  if (names.length > 0) return { ...entry, calls };
  if (isStack(type)) return undefined;
  const naming = new Set([...Object.keys(classes.modelInputs(type)), ...Object.keys(curatedInputsOf(type))]);
  const isNamed = inputs.some((input) => naming.has(input) || (input === "*" && naming.size > 0));
  return isNamed ? undefined : { ...entry, calls };
}

/** LoRAs of tags, also through a loader that is another node. */
function opensTag(call: string, classes: ClassIndex): boolean {
  if (tagCalls.has(call)) return true;
  const inputs = call.startsWith(OTHER_NODE) ? classes.modelInputs(call.slice(OTHER_NODE.length)) : {};
  const folders = Object.values(inputs).flatMap((input) => input.folders);
  return folders.length > 0 && folders.every((folder) => folder === "loras" || isBundledFolder(folder));
}

function isBundled(call: string): boolean {
  const folders = /^folder (.+)$/.exec(call)?.[1];
  return folders?.split("|").every(isBundledFolder) === true;
}

/** A node that another one runs, where it neither takes models by name nor loads any. */
function isHarmless(call: string, classes: ClassIndex, depth = 0): boolean {
  const type = call.slice(OTHER_NODE.length);
  const opened = classes.opens(type);
  if (depth > DEEPEST || words.has(type) || opened === undefined || opened === "unknown") return false;
  if (readsTags(type)) return true;
  if (Object.keys({ ...classes.modelInputs(type), ...curatedInputsOf(type) }).length > 0) return false;
  return (
    settled(type) !== undefined ||
    opened.every(({ calls }) =>
      calls.every((each) => each.startsWith(OTHER_NODE) && isHarmless(each, classes, depth + 1)),
    )
  );
}

function sentence(loads: readonly Opened[], node: AskingNode): string {
  const calls = [...new Set(loads.flatMap((each) => each.calls.filter((call) => !call.startsWith(DARK))))];
  const inputs = new Set(loads.flatMap((each) => (each.inputs.length <= 2 ? each.inputs : [])));
  const values = [...inputs].flatMap((input) => {
    const given = node.named[input];
    const value = given !== undefined && "value" in given ? given.value : undefined;
    return typeof value === "string" && value.length < 100 ? [`${input} "${value}"`] : [];
  });
  const named = [...values, ...new Set(loads.flatMap((each) => each.names))];
  const what = named.length > 0 ? ` (${short(named)})` : "";
  const verbs = short(calls.map((call) => call.replace(/^folder (.+)$/, "models/$1")));
  return calls.every((call) => asking.has(call))
    ? `asks addresses of the network when it runs, and for what is not known: its code calls ${verbs}${what}.`
    : `needs files that it does not name: its code uses ${verbs}${what}.`;
}

function short(names: readonly string[]): string {
  const more = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
}
