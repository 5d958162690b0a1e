import { strFromU8, unzipSync } from "fflate";
import { UserError } from "../../errors.ts";
import type { FoundWorkflow, Inventory, LeftOut } from "./inventory.ts";
import { requirementProblem, shownText } from "./safe-names.ts";
import { readSnapshot } from "./snapshot.ts";

/** Files of a pack that are read: text, and none is this long. */
const LONGEST = 32 << 20;
const read = ["snapshot.json", "requirements.txt", "workflow_api.json", "workflow.json"];

/**
 * Reads a pack of comfy-pack, `….cpack.zip` (`_prepare_pack` in its nodes/api.py): a snapshot with models, the packages
 * that were installed, and the workflow in both forms.
 */
export function readPack(bytes: Uint8Array, path: string): Inventory {
  const { files, names } = unpacked(bytes, path);
  const text = (name: string) => (files[name] ? strFromU8(files[name]) : undefined);
  const snapshot = text("snapshot.json");
  if (snapshot === undefined) {
    throw new UserError(path, "is an archive without snapshot.json: comfy-pack did not make it.", "");
  }
  const inventory = readSnapshot(snapshot, `${path}: snapshot.json`);
  const installed =
    inventory.installed.length > 0 ? inventory.installed : frozen(text("requirements.txt") ?? "");
  const workflow = text("workflow_api.json") === undefined ? "workflow.json" : "workflow_api.json";
  const content = text(workflow);
  const workflows: FoundWorkflow[] = content === undefined ? [] : [{ name: workflow, text: content }];
  return { ...inventory, installed, workflows, left: [...inventory.left, ...inputs(names)] };
}

function unpacked(bytes: Uint8Array, path: string) {
  const names: string[] = [];
  try {
    const files = unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        names.push(name);
        return read.includes(name) && originalSize <= LONGEST;
      },
    });
    return { files, names };
  } catch (error) {
    throw new UserError(path, `is no archive that can be read: ${shownText((error as Error).message)}.`, "");
  }
}

/** What `pip freeze` wrote. */
function frozen(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^[\w.-]+==[\w.+!-]+$/.test(line) && requirementProblem(line) === undefined);
}

function inputs(names: readonly string[]): LeftOut[] {
  return names
    .filter((name) => name.startsWith("input/") && !name.endsWith("/"))
    .map((name) => ({
      what: shownText(name),
      reason: "is an input of the workflow: put it into the volume, or into a layer of your own",
    }));
}
