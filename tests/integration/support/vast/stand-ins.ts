import { createHash } from "node:crypto";
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { cache, home, repository } from "../../../../home.ts";
import { keptWheels } from "../../../../tools/lint/wheels.ts";
import { ensureTools } from "../../../../tools/toolchain/toolchain.ts";
import { builtCaddy } from "../../../support/caddy.ts";
import { writeFile } from "../../../support/layers.ts";
import type { Engine } from "../engine.ts";

/** The Python of Debian 12, and the one for which wheels are kept here. */
const PYTHON = "3.11";
const requirements = `locks/python/services-py${PYTHON}.txt`;

/** Of the system's packages those that a boot, its services and their users meet. */
const packages = [
  ...["bash", "ca-certificates", "curl", "git", "git-lfs", "iproute2", "openssh-server", "openssl", "procps"],
  ...["python3", "python3-pip", "python3-venv", "sudo"],
];

/** Layers that nothing here needs: nobody computes on torch, and no tunnel is opened. */
export const absent = [
  ...["cuda", "torch", "tensorrt", "attention", "workbench", "comfyui-packages", "node-packages"],
  "cloudflared",
];

/** Why the image cannot be made here; undefined where it can. */
export async function whyNoVastImage(): Promise<string | undefined> {
  if (!existsSync(join(repository, requirements))) return `there is no ${requirements} yet`;
  const { stdout } = await execa("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
  if (stdout.trim() !== PYTHON) return `the packages of ${requirements} are Python ${stdout.trim()}'s here`;
  return (await keptWheels(requirements, "python3")).missing;
}

/** Debian with the image's users, as the layer `system` leaves it, and uv as the toolbox has it. */
export async function makeBase(engine: Engine, folder: string, tag: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  copyFileSync(await debian(), join(folder, "rootfs.tar"));
  copyFileSync(join(repository, "layers/shared/instance-system.sh"), join(folder, "instance-system.sh"));
  const install = readFileSync(join(repository, "layers/system/install.sh"), "utf8");
  const users = install.split("\n").filter((line) => /^(groupadd|useradd) /.test(line));
  writeFile(
    folder,
    "Dockerfile",
    [
      "FROM scratch",
      "ADD rootfs.tar /",
      "COPY instance-system.sh /context/",
      `RUN ${users.join(" && ")} && sh -eu /context/instance-system.sh && rm -r /context`,
      "",
    ].join("\n"),
  );
  const { exitCode, all } = await engine.docker("build", "--quiet", "--tag", tag, folder);
  if (exitCode !== 0) throw new Error(all);
}

/** The archive of Debian, made once for all tests of this machine. */
async function debian(): Promise<string> {
  const wanted = packages.join(",");
  const hash = createHash("sha256").update(wanted).digest("hex").slice(0, 8);
  const tar = join(cache, `tests-vast-base-${hash}.tar`);
  if (existsSync(tar)) return tar;
  const { mmdebstrap } = await ensureTools(home, ["mmdebstrap"], true);
  if (!mmdebstrap) throw new Error("mmdebstrap is not resolved");
  const draft = `${tar}.${process.pid}.tar`;
  const options = ["--variant=minbase", "--quiet", `--include=${wanted}`, "--skip=output/mknod"];
  await execa(mmdebstrap.path, [...options, "bookworm", draft]);
  renameSync(draft, tar);
  return tar;
}

/** The build contexts of what stands in for large layers, by the layer's name. */
export async function standIns(folder: string): Promise<Readonly<Record<string, string>>> {
  const made: Record<string, string> = {};
  const stage = (name: string, lines: readonly string[]): string => {
    const context = join(folder, `stand-in-${name}`);
    writeFile(context, "Dockerfile", [...lines, ""].join("\n"));
    made[name] = context;
    return context;
  };
  stage("python", [
    "FROM base AS build",
    // Notebooks run in this environment: the kernel's packages are those of the services.
    `RUN python3 -m venv --without-pip /opt/venv && echo /opt/services/lib/python${PYTHON}/site-packages >/opt/venv/lib/python${PYTHON}/site-packages/kernel.pth`,
    "FROM scratch",
    "COPY --from=build /opt/venv /opt/venv",
  ]);
  const services = stage("services", [
    "FROM base AS build",
    `RUN python3 -m venv --without-pip /opt/services`,
    `COPY site /opt/services/lib/python${PYTHON}/site-packages`,
    // Where an installation for an environment puts programs and their data.
    `RUN cd /opt/services/lib/python${PYTHON}/site-packages && sed -i '1s|^#!.*python.*|#!/opt/services/bin/python|' bin/* \\`,
    " && mv bin/* /opt/services/bin/ && cp -a share etc /opt/services/ && rm -rf bin share etc",
    "FROM scratch",
    "COPY --from=build /opt/services /opt/services",
  ]);
  const { folder: wheels = "" } = await keptWheels(requirements, "python3");
  cpSync(wheels, join(services, "site"), { recursive: true });
  const caddy = stage("caddy", ["FROM scratch", "COPY caddy /opt/caddy/bin/caddy"]);
  copyFileSync(await builtCaddy(), join(caddy, "caddy"));
  const comfyui = stage("comfyui", ["FROM scratch", "COPY comfyui /opt/comfyui"]);
  cpSync(join(repository, "tests/support/comfyui"), join(comfyui, "comfyui"), { recursive: true });
  const nodes = stage("nodes-essentials", ["FROM scratch", "COPY custom_nodes /opt/comfyui/custom_nodes"]);
  for (const name of ["ComfyUI-Manager", "ComfyUI_essentials"])
    writeFile(nodes, `custom_nodes/${name}/__init__.py`, "NODE_CLASS_MAPPINGS = {}\n");
  return made;
}
