import { z } from "zod";
import type { Config } from "../../config.ts";
import { UserError } from "../../errors.ts";
import {
  type BuilderChoice,
  type BuilderSetting,
  builderSetting,
  buildersSetting,
  kindOfBuilder,
  stackBuilders,
} from "../../lib/builders/builder-setting.ts";
import { attempt, tail } from "../program/exec.ts";
import type { Stack } from "./stack.ts";

const stored = z.record(z.string(), z.object({ value: z.string().optional() }));

/** What a stack says of its builders, with its secrets: the files alone do not open them. */
export async function openBuilders(
  { name, folder: cwd, environment: env, pulumi }: Stack,
  closed: BuilderChoice,
): Promise<BuilderChoice> {
  const result = await attempt(pulumi, ["config", "--show-secrets", "--json", "--stack", name], { cwd, env });
  if (!result.ok) {
    throw new UserError(
      `stack ${name}`,
      `its secrets cannot be read:\n${tail(result.all, 10)}\n`,
      "Set PULUMI_CONFIG_PASSPHRASE, or log in to what encrypts them.",
    );
  }
  const config = stored.parse(JSON.parse(result.stdout));
  const read = (key: string) => {
    const text = config[key]?.value;
    return text === undefined ? undefined : /^\{/.test(text) ? JSON.parse(text) : text;
  };
  const [builder, builders] = [read("strata:builder"), read("strata:builders")];
  return {
    builder: builder === undefined ? closed.builder : builderSetting.parse(builder),
    builders: builders === undefined ? closed.builders : buildersSetting.parse(builders),
  };
}

/** Where a stack builds. */
export function placesOf(config: BuilderChoice): BuilderSetting[] {
  const { default: ordinary, heavy } = stackBuilders(config);
  return [ordinary.setting, heavy.setting];
}

/** Whether something of the stack runs here: its builder, or the local registry. */
export function needsThisMachine(config: Pick<Config, "registry" | "builder" | "builders">): boolean {
  return config.registry.kind === "local" || placesOf(config).some((each) => kindOfBuilder(each) === "local");
}
