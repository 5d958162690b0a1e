import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { type CoolDown, coolDownPath, unusedExceptions } from "../../lib/lock-making/cool-down.ts";
import { imageLockPath, parseImageLock } from "../../lib/locks/image-lock.ts";
import { modelLockPath, modelPath, parseModelLock } from "../../lib/locks/model-lock.ts";
import { nodeLockPath, parseNodeLock } from "../../lib/locks/node-lock.ts";
import { parsePythonLock } from "../../lib/locks/python-lock.ts";
import { readLock } from "./write-locks.ts";

/**
 * A line for each exception of a cool-down that names nothing in any lock: whoever misspells one waits all the same.
 */
export function unusedExceptionNotes(coolDown: CoolDown, root: string): string[] {
  if (Object.keys(coolDown.except).length === 0) return [];
  const folder = join(root, "locks/python");
  const pythonFiles = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".txt")) : [];
  const read = <T>(path: string, parse: (text: string) => T) => {
    const text = readLock(root, path);
    return text === "" ? undefined : parse(text);
  };
  const nodes = read(nodeLockPath, parseNodeLock);
  const models = read(modelLockPath, parseModelLock);
  const known = [
    ...pythonFiles.flatMap((file) => [
      ...parsePythonLock(readLock(root, `locks/python/${file}`), file).keys(),
    ]),
    ...Object.keys({ ...nodes?.repositories, ...nodes?.packages, ...read(imageLockPath, parseImageLock) }),
    ...[...(models?.models ?? []), ...(models?.incomplete ?? [])].map(modelPath),
  ];
  return unusedExceptions(coolDown, known).map(
    (name) => `${coolDownPath}: except.${name} names nothing in any lock`,
  );
}
