import { type Dockerfile, DockerfileParser, type Instruction, type Run } from "dockerfile-ast";
import { UserError } from "../../errors.ts";
import { foundModels } from "./found-model.ts";
import { type Inventory, type LeftOut, nothing } from "./inventory.ts";
import { shownText } from "./safe-names.ts";
import { type Command, shellCommands } from "./shell-words.ts";
import { readCommand } from "./worker-commands.ts";
import { absolute, fileNameOf, type WorkerCommands } from "./worker-fetches.ts";

/** The image of RunPod's worker for ComfyUI, and its tag. */
const worker = /^(?:docker\.io\/)?runpod\/worker-comfyui(?::([^@]+))?(?:@.+)?$/;

/** Instructions that change nothing about what is in an image, or say how it runs, which a recipe has its own way for. */
const passedOver = new Set([
  "ARG",
  "FROM",
  "LABEL",
  "MAINTAINER",
  "STOPSIGNAL",
  "SHELL",
  "USER",
  "EXPOSE",
  "VOLUME",
]);

/** Nobody writes a longer one. */
const LONGEST = 1 << 20;

/** Whether a text is a Dockerfile. */
export function isDockerfile(text: string): boolean {
  return (
    text.length <= LONGEST &&
    /^[ \t]*FROM[ \t]+\S/im.test(text) &&
    DockerfileParser.parse(text).getFROMs().length > 0
  );
}

/** Reads a Dockerfile of worker-comfyui's form: its last stage, and those that this is made from. Runs none of it. */
export function readWorkerDockerfile(text: string, path: string): Inventory {
  const file = DockerfileParser.parse(text);
  const stages = stagesOf(file);
  const image = stages[0]?.image ?? "";
  const [isWorker, tag = ""] = worker.exec(image) ?? [];
  if (!isWorker) {
    throw new UserError(
      path,
      `begins FROM ${shownText(image) || "nothing"}, and the import knows runpod/worker-comfyui alone.`,
      "Import the folder of ComfyUI in it, or a snapshot that its ComfyUI-Manager saved.",
    );
  }
  const all: WorkerCommands = { nodes: [], packages: [], models: [], left: [], folder: "/" };
  const lines = text.split(/\r?\n/);
  for (const instruction of file.getInstructions()) {
    const line = instruction.getRange().start.line;
    if (!stages.some(({ from, to }) => from <= line && line < to)) continue;
    read(instruction, lines, (name) => file.resolveVariable(name, line) ?? undefined, all);
  }
  const { models, left } = foundModels(all.models);
  return {
    ...nothing,
    isWorker: true,
    cuda: /-cuda(\d+\.\d+)/.exec(tag)?.[1] ?? null,
    nodes: all.nodes.filter((each) => "origin" in each),
    packages: all.packages,
    models,
    left: [...baked(tag), ...all.nodes.filter((each) => "what" in each), ...all.left, ...left],
  };
}

/** The stages that the last one is made of, from the bottom up, by their lines. */
function stagesOf(file: Dockerfile): { image: string; from: number; to: number }[] {
  const all = file.getFROMs().map((from, index, froms) => {
    const line = from.getRange().start.line;
    const image = resolved(from.getImage() ?? "", (name) => file.resolveVariable(name, line) ?? undefined);
    const to = froms[index + 1]?.getRange().start.line ?? Number.POSITIVE_INFINITY;
    return { image, name: from.getBuildStage()?.toLowerCase(), from: line, to };
  });
  const chain = all.slice(-1);
  for (;;) {
    const [first] = chain;
    const below = all.findLast(
      ({ name, from }) => first && name === first.image.toLowerCase() && from < first.from,
    );
    if (!below) return chain;
    chain.unshift(below);
  }
}

/** What the tag says that is in the image already. */
function baked(tag: string): LeftOut[] {
  const [, variant] = /^(?:\d[\w.]*|latest)-((?:flux|sdxl|sd3|z-image)[\w-]*?)(?:-cuda.*)?$/.exec(tag) ?? [];
  const version = {
    what: `ComfyUI of runpod/worker-comfyui:${shownText(tag) || "latest"}`,
    reason: "the tag does not say which it is: the recipe has strata's own",
  };
  if (variant === undefined) return [version];
  return [
    version,
    {
      what: `models of runpod/worker-comfyui:${shownText(tag)}`,
      reason: "the Dockerfile does not name them; list their files with `npm run models`",
    },
  ];
}

type Variables = (name: string) => string | undefined;

function read(
  instruction: Instruction,
  lines: readonly string[],
  variables: Variables,
  all: WorkerCommands,
): void {
  const keyword = instruction.getKeyword();
  const content = contentOf(instruction, lines);
  // The worker's own start, as its documents say it.
  if (passedOver.has(keyword) || (keyword === "CMD" && /^\[?"?\/start\.sh"?\]?$/.test(content.trim())))
    return;
  const what = shownText(`${keyword} ${content}`, 100);
  if (keyword === "WORKDIR") all.folder = absolute(resolved(content, variables), all.folder);
  else if (keyword === "RUN") run(commandsOf(instruction, lines, variables), all);
  else if (keyword === "ADD" || keyword === "COPY") copy(resolved(content, variables), what, all);
  else if (keyword === "ENV")
    all.left.push({
      what,
      reason: "give it to the container when it runs, or set it in a layer of your own",
    });
  else all.left.push({ what, reason: "how the image runs is the recipe's: RunPod's worker is in it" });
}

/** Each begins in the folder of WORKDIR, wherever the last one went. */
function run(commands: readonly Command[], all: WorkerCommands): void {
  const { folder } = all;
  for (const command of commands) readCommand(command, all);
  all.folder = folder;
}

/** What stands behind the keyword and its flags, on one line: comments may lie between lines that go on. */
function contentOf(instruction: Instruction, lines: readonly string[]): string {
  const { start, end } = instruction.getRange();
  return lines
    .slice(start.line, end.line + 1)
    .filter((line) => !/^\s*#/.test(line))
    .map((line) => line.replace(/\\\s*$/, " "))
    .join("\n")
    .replace(/^\s*\w+\s+(?:--\S+\s+)*/, "");
}

function resolved(text: string, variables: Variables): string {
  return text.replace(
    /\$(?:(\w+)|\{(\w+)(?::?[-+][^}]*)?\})/g,
    (whole, plain, braced) => variables(plain ?? braced) ?? whole,
  );
}

function commandsOf(instruction: Instruction, lines: readonly string[], variables: Variables) {
  const documents = isRun(instruction) ? instruction.getHeredocs() : [];
  if (documents.length > 0) {
    return documents.flatMap((document) => {
      const range = document.getContentRange();
      return range
        ? shellCommands(lines.slice(range.start.line, range.end.line + 1).join("\n"), variables)
        : [];
    });
  }
  const content = contentOf(instruction, lines).replace(/\n/g, " ");
  const words = content.trimStart().startsWith("[") ? jsonWords(content) : undefined;
  return words ? [words] : shellCommands(content, variables);
}

function isRun(instruction: Instruction): instruction is Run {
  return instruction.getKeyword() === "RUN";
}

function jsonWords(text: string): string[] | undefined {
  try {
    const words: unknown = JSON.parse(text);
    return Array.isArray(words) ? words.map(String) : undefined;
  } catch {
    return undefined;
  }
}

/** A model by its address; files of one's own are a layer, as nobody else has them. */
function copy(content: string, what: string, all: WorkerCommands): void {
  const words = jsonWords(content) ?? content.trim().split(/\s+/);
  const target = words.at(-1) ?? "";
  const [, below] = /\/(models\/.*)$/.exec(absolute(target, all.folder)) ?? [];
  for (const source of words.slice(0, -1)) {
    const name = target.endsWith("/") || words.length > 2 ? `/${fileNameOf(source)}` : "";
    if (/^https?:\/\//.test(source) && below !== undefined)
      all.models.push({ path: `${below}${name}`, url: source });
    else
      all.left.push({
        what,
        reason:
          "are files beside the Dockerfile: put them into a layer of your own (docs/external-recipe.md)",
      });
  }
}
