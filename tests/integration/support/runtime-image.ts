import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { home, repository } from "../../../home.ts";
import { productSettings } from "../../../lib/plan/product.ts";
import { recipes } from "../../../recipes/index.ts";
import { keptWheels } from "../../../tools/lint/wheels.ts";
import { ensureTools } from "../../../tools/toolchain/toolchain.ts";
import { context, sampleLabels } from "../../support/layers.ts";
import { productDockerfile } from "../../support/product-dockerfile.ts";
import type { Engine } from "./engine.ts";

/** Layers whose files a start consists of, as they are in the repository. */
const realLayers = ["runtime", "backend", "studio-backend", "model-fetch", "runpod-worker"];
/** The Python of Debian 12, for which the tests' packages have to fit. */
const PYTHON = "3.11";

/** Why the image cannot be made here; undefined where it can. */
export async function whyNoRuntimeImage(): Promise<string | undefined> {
  const { stdout } = await execa("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
  if (stdout.trim() !== PYTHON) return `the packages of tests/python are Python ${stdout.trim()}'s here`;
  return (await keptWheels("tests/python/requirements.txt", "python3")).missing;
}

/**
 * Has the engine build what a recipe's image does when it starts: the real layers `runtime` and the services, its real image
 * configuration, Debian 12 and, in place of ComfyUI and its nodes, the tests' small one.
 *
 * @param name of the recipe
 * @returns the image's name
 */
export async function buildRuntimeImage(
  engine: Engine,
  folder: string,
  name: "studio" | "wan22",
): Promise<string> {
  const opt = join(folder, "opt");
  for (const layer of realLayers) {
    if (layer === "runpod-worker" && name !== "wan22") continue;
    cpSync(join(repository, "layers", layer, "rootfs/opt/strata"), join(opt, "strata"), { recursive: true });
  }
  const comfyui = join(opt, "comfyui");
  for (const path of [
    "login",
    "web/extensions",
    "models/vae",
    "models/checkpoints",
    "custom_nodes/ComfyUI-KJNodes",
  ]) {
    mkdirSync(join(comfyui, path), { recursive: true });
  }
  if (name === "studio") mkdirSync(join(comfyui, "custom_nodes/ComfyUI-Login"));
  cpSync(join(repository, "tests/python/fake_comfyui.py"), join(comfyui, "main.py"));
  const image = {
    recipe: name,
    torch: "2.12.0",
    comfyui: { version: "0.33.0", commit: "c".repeat(40), nodes: [] },
  };
  writeFileSync(join(opt, "strata/image.json"), JSON.stringify(image));
  const { folder: wheels = "" } = await keptWheels("tests/python/requirements.txt", "python3");
  cpSync(wheels, join(folder, "site"), { recursive: true });
  await makeDebian(join(folder, "rootfs.tar"));
  writeFileSync(join(folder, "Dockerfile"), dockerfile(name));
  const tag = `strata-test/${name}`;
  const built = await engine.docker("build", "--quiet", "--tag", tag, folder);
  if (built.exitCode !== 0) throw new Error(built.all);
  return tag;
}

async function makeDebian(tar: string): Promise<void> {
  const { mmdebstrap } = await ensureTools(home, ["mmdebstrap"], true);
  if (!mmdebstrap) throw new Error("mmdebstrap is not resolved");
  const options = ["--variant=minbase", "--quiet", "--include=python3", "--skip=output/mknod"];
  await execa(mmdebstrap.path, [...options, "bookworm", tar]);
}

function dockerfile(name: "studio" | "wan22"): string {
  const recipe = recipes[name];
  const settings = productSettings(recipe, { ...context, recipe: name }, sampleLabels);
  const product = productDockerfile({ parents: [], settings }).split("\n");
  const install = readFileSync(join(repository, "layers/system/install.sh"), "utf8");
  // The lines that make the image's user, as they are there.
  const user = install.split("\n").filter((line) => /^(groupadd|useradd) /.test(line));
  return [
    "FROM scratch",
    "ADD rootfs.tar /",
    `RUN ${user.join(" && ")} && install -d -o strata -g strata /workspace \\`,
    " && python3 -m venv --without-pip --system-site-packages /opt/venv \\",
    ` && echo /opt/site >/opt/venv/lib/python${PYTHON}/site-packages/site.pth`,
    "COPY site /opt/site",
    "COPY opt /opt",
    // As the layers comfyui and nodes leave it.
    "RUN chown -R 1000:1000 /opt/comfyui/login /opt/comfyui/web /opt/comfyui/custom_nodes/*",
    ...product.filter((line) => /^(ENV|EXPOSE|HEALTHCHECK|USER|ENTRYPOINT) /.test(line)),
    "",
  ].join("\n");
}
