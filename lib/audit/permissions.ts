/** Modes, device nodes and links. */
import type { AuditLayer, Entry, Finding } from "./audit-schema.ts";
import type { Tree } from "./file-tree.ts";
import { finding } from "./rules.ts";

const SET_ID = 0o6000;
const STICKY = 0o1000;
const OTHERS_WRITE = 0o0002;
/** Filled by the container engine when it starts. */
const AT_RUN_TIME = /^\/(proc|sys|dev|run|var\/run)(\/|$)/;

/** What is wrong with single entries. The system layers' own set-uid files (su, mount) and links are left alone. */
export function checkEntries(layers: readonly AuditLayer[], systemLayers: number, tree: Tree): Finding[] {
  return layers.flatMap(({ entries }, index) =>
    entries.flatMap((entry) => checkEntry(entry, index + 1, index < systemLayers, tree)),
  );
}

function checkEntry(entry: Entry, layer: number, isSystem: boolean, tree: Tree): Finding[] {
  const path = `/${entry.path}`;
  const mode = entry.mode.toString(8).padStart(4, "0");
  const findings: Finding[] = [];
  if (entry.type === "file" && entry.mode & SET_ID && !isSystem) {
    findings.push(finding("set-uid", layer, path, `mode ${mode}, owner ${entry.uid}:${entry.gid}`));
  }
  const isShared = entry.type === "directory" && entry.mode & STICKY;
  if ((entry.type === "file" || entry.type === "directory") && entry.mode & OTHERS_WRITE && !isShared) {
    findings.push(finding("world-writable", layer, path, `${entry.type} with mode ${mode}`));
  }
  if (entry.type === "device" && !isWhiteoutDevice(entry)) {
    const severity = isSystem ? "warning" : "broken";
    findings.push(finding("device-node", layer, path, `mode ${mode}`, { severity }));
  }
  if (!isSystem && entry.type === "symlink" && entry.linkTarget?.startsWith("/")) {
    // A link that a higher layer replaced is reported as a duplicate path, not here.
    const isCurrent = tree.find(entry.path)?.entry === entry;
    if (isCurrent && !AT_RUN_TIME.test(entry.linkTarget) && !tree.exists(entry.linkTarget)) {
      findings.push(finding("dangling-symlink", layer, path, `points at ${entry.linkTarget}`));
    }
  }
  return findings;
}

/** Some tools write whiteouts as devices 0:0 under their `.wh.` name. */
function isWhiteoutDevice({ path }: Entry): boolean {
  return /(^|\/)\.wh\.[^/]+$/.test(path);
}
