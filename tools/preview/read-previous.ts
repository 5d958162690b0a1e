import { type Home, projectFolder } from "../../home.ts";
import type { PreviousStack } from "../../lib/preview/preview-stack.ts";
import { noPreviousStack, previousFromRecord } from "../../lib/preview/previous-stack.ts";
import { recordedStack } from "../../lib/state/recorded-stack.ts";
import { pulumiEnvironment } from "../program/environment.ts";
import type { ReadState } from "../stack/outputs.ts";
import type { Stack } from "../stack/stack.ts";

/** What a stack's last update left in its state, however it ended. */
export function previousFromState(read: ReadState): PreviousStack {
  return "missing" in read ? noPreviousStack(read.missing) : previousFromRecord(recordedStack(read.state));
}

/** A stack and how to call the CLI on it, without anything being set up. */
export function stackNamed(home: Home, project: string, name: string, pulumi: string): Stack {
  return { name, folder: projectFolder, project, pulumi, environment: pulumiEnvironment(home) };
}
