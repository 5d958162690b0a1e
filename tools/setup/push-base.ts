import { UserError } from "../../errors.ts";
import type { Home } from "../../home.ts";
import { buildctlBuild } from "../builder/buildctl.ts";
import { SOURCE_DATE_EPOCH } from "../debian/mmdebstrap.ts";
import { buildxEnvironment } from "../program/environment.ts";
import { run, tail } from "../program/exec.ts";
import type { Services } from "../services/record.ts";

/** What is pushed, and by what. */
interface BaseBuild {
  readonly buildctl: string | undefined;
  readonly context: string;
  readonly metadata: string;
  readonly output: string;
  /** The environment in which the registry's login is known. */
  readonly login: Readonly<Record<string, string>>;
}

/** Builds the image of a folder in the builder of this home, and pushes it. */
export async function pushBase(
  home: Home,
  builder: Services["builder"],
  { buildctl, context, metadata, output, login }: BaseBuild,
): Promise<void> {
  if (builder.kind === "docker") {
    const options = ["--builder", builder.name, "--provenance=false", "--metadata-file", metadata];
    const time = ["--build-arg", `SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}`];
    const env = { ...login, ...buildxEnvironment(home) };
    await run("docker", ["buildx", "build", ...options, ...time, "--output", output, context], { env });
    return;
  }
  if (!buildctl) throw new Error("buildctl is not resolved");
  const locals = ["--local", `context=${context}`, "--local", `dockerfile=${context}`];
  const options = ["--frontend", "dockerfile.v0", "--progress=plain"];
  const time = ["--opt", `build-arg:SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH}`];
  const words = ["--addr", builder.address, "build", ...options, ...time, ...locals, "--output", output];
  const result = await buildctlBuild(buildctl, words, metadata, { env: login });
  if (!result.ok) throw new UserError("base image", `could not be pushed:\n${tail(result.all, 20)}\n`, "");
}
