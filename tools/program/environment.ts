import { delimiter, dirname, extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { UserError } from "../../errors.ts";
import { cache, type Home } from "../../home.ts";

/** `docker`: containers of a Docker engine; `buildkitd`: processes of this machine. */
export const builderKinds = ["buildkitd", "docker"] as const;
export type BuilderKind = (typeof builderKinds)[number];

/** What comes before a Pulumi program. As this file is: TypeScript in a clone, compiled in a package. */
const leanSdk = join(import.meta.dirname, `lean-sdk${extname(import.meta.filename)}`);

/**
 * Where buildx, and with it the docker-build provider, finds this clone's builder. All else of Docker's configuration
 * stays the user's: logins, credential helpers, contexts.
 */
export function buildxEnvironment(home: Home): { readonly BUILDX_CONFIG: string } {
  return { BUILDX_CONFIG: join(home.docker, "buildx") };
}

/**
 * What every call of Pulumi gets beside this process's environment: Node and our tools first on PATH, our plugins,
 * and a file backend unless the user has chosen another. The empty passphrase is of our backend alone: elsewhere it would
 * encrypt what others read.
 */
export function pulumiEnvironment(
  home: Home,
  current: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const path = [dirname(process.execPath), home.bin, ...(current.PATH ?? "").split(delimiter)];
  const environment: Record<string, string> = {
    PATH: [...new Set(path.filter(Boolean))].join(delimiter),
    PULUMI_HOME: home.pulumi,
    PULUMI_SKIP_UPDATE_CHECK: "1",
    // `--skip-plugin-pre-install`: else the engine fetches the plugin of each package in node_modules, AWS's 600 MB among
    // them, before it knows what the program uses. A provider that a stack has is fetched when it is first asked.
    PULUMI_OPTION_SKIP_PLUGIN_PRE_INSTALL: "true",
    STRATA_HOME: home.root,
    // Loading Pulumi's SDK is most of what a run without changes takes: compiled code spares a third of it.
    NODE_COMPILE_CACHE: join(cache, "node-compile"),
    NODE_OPTIONS: [current.NODE_OPTIONS, `--import=${pathToFileURL(leanSdk).href}`].filter(Boolean).join(" "),
    ...buildxEnvironment(home),
  };
  if (usesFileBackend(current)) {
    environment.PULUMI_BACKEND_URL = pathToFileURL(home.state).href;
    const { PULUMI_CONFIG_PASSPHRASE: passphrase, PULUMI_CONFIG_PASSPHRASE_FILE: file } = current;
    if (passphrase === undefined && file === undefined) environment.PULUMI_CONFIG_PASSPHRASE = "";
  }
  return environment;
}

/** Whether the state lies in our file backend. */
export function usesFileBackend(current: NodeJS.ProcessEnv = process.env): boolean {
  return !current.PULUMI_BACKEND_URL;
}

/** A variable that the caller has to set. */
export function required(name: string, environment: NodeJS.ProcessEnv = process.env): string {
  const value = environment[name];
  if (!value) throw new UserError(name, "is not set.", "This program is called by Pulumi, which sets it.");
  return value;
}

/** A number that an option gives. @throws UserError for anything but a whole number from `least` on */
export function wholeNumber(option: string, text: string, least: number): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && text.trim() !== "") return number;
  throw new UserError(option, `expected a whole number from ${least} on, got "${text}".`, "");
}
