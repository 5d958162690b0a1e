import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { cache, repository } from "../../../../home.ts";
import { executables } from "../../../../tools/toolchain/find.ts";
import { goBuild } from "../../../../tools/toolchain/go-build.ts";
import { selfSigned } from "../../../support/certificate.ts";
import { layActions } from "./act.ts";
import { findGh } from "./gh.ts";
import { gitHosting } from "./git-hosting.ts";
import { GitHub, type Settings } from "./github.ts";
import { startHostProxy } from "./proxy.ts";
import { containerRegistry, dockerHub } from "./registries.ts";
import { restInterface } from "./rest.ts";
import { serveRepository } from "./served-repository.ts";
import { startRunnerService } from "./service.ts";
import { emptyState } from "./state.ts";

/** What a runner of GitHub's has and a machine for tests may not have. */
export interface Programs {
  readonly act: string;
  readonly yq: string;
  /** Only the offer of locks needs it. */
  readonly gh: Awaited<ReturnType<typeof findGh>>;
}

const version = { act: "0.2.89", yq: "4.54.3" };

/** act and yq are built from their Go modules, gh comes from Debian; or why there can be none of the first two. */
export async function findPrograms(): Promise<(Programs & { missing?: never }) | { missing: string }> {
  if (executables("go", process.env.PATH ?? "").length === 0)
    return { missing: "there is no Go to build act with" };
  const build = async (name: keyof typeof version, path: string, ldflags: string) =>
    (await goBuild(name, version[name], { module: name, package: path, ldflags }, cache)).path;
  const act = await build("act", "github.com/nektos/act", `-s -w -X main.version=${version.act}`);
  return { act, yq: await build("yq", "github.com/mikefarah/yq/v4", "-s -w"), gh: await findGh() };
}

export interface TestGitHub extends AsyncDisposable {
  readonly github: GitHub;
  readonly folder: string;
  /** What the commands in quick.ts noted. */
  notes(): readonly Note[];
}

/** How a command was called. */
export interface Note {
  readonly command: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** What a test sets up beside the repository. */
export interface Arrangement extends Settings {
  /** Which subject each role trusts. */
  readonly trust?: Readonly<Record<string, string>>;
  /** Of the machine. */
  readonly environment?: Readonly<Record<string, string>>;
}

const hosts = ["github.com", "api.github.com", "ghcr.io", "registry-1.docker.io", "auth.docker.io"] as const;

/** A GitHub of one's own with this repository in it, and a machine that runs its workflows. Everything is on loopback. */
export async function openGitHub(programs: Programs, arrangement: Arrangement): Promise<TestGitHub> {
  const folder = mkdtempSync(join(tmpdir(), "strata-github-"));
  const served = await serveRepository(join(folder, "strata.git"));
  const state = emptyState(served.path);
  const certificate = await selfSigned(hosts);
  const hub = dockerHub(state);
  const listeners: Readonly<Record<(typeof hosts)[number], RequestListener>> = {
    "github.com": gitHosting(state),
    "api.github.com": restInterface(state),
    "ghcr.io": containerRegistry(state),
    "registry-1.docker.io": hub,
    "auth.docker.io": hub,
  };
  const proxy = await startHostProxy(listeners, certificate, (host) => state.strangers.add(host));
  const notes = join(folder, "notes");
  writeFileSync(notes, "");
  const machine = {
    act: programs.act,
    actions: join(folder, "actions"),
    scratch: join(folder, "scratch"),
    environment: {
      ...environmentOf(folder, proxy.address),
      ...layPrograms(folder, programs),
      STRATA_TEST_NOTES: notes,
      ...arrangement.environment,
    },
  };
  writeFileSync(join(folder, "ca.pem"), certificate.cert);
  mkdirSync(machine.scratch);
  const github = new GitHub(state, served, arrangement, machine);
  const service = await startRunnerService({
    state,
    trust: arrangement.trust ?? {},
    begin: (run, job) => github.begin(run, job),
    subjectOf: (run, job) => github.subjectOf(run, job),
  });
  layActions(machine.actions, service.address);
  return {
    github,
    folder,
    notes: () =>
      readFileSync(notes, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Note),
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
      // What a run has left behind may be writing for a moment.
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Every program finds GitHub behind the proxy, by the certificate that it is told of in its own way. */
function environmentOf(folder: string, proxy: string): Record<string, string> {
  const certificates = join(folder, "ca.pem");
  return {
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    NO_PROXY: "127.0.0.1,localhost",
    no_proxy: "127.0.0.1,localhost",
    SSL_CERT_FILE: certificates,
    NODE_EXTRA_CA_CERTS: certificates,
    GIT_SSL_CAINFO: certificates,
    // The docker login and actions are Node alone; what strata starts says so itself.
    NODE_USE_ENV_PROXY: "1",
    LANG: "C.UTF-8",
    // act asks its maker for news.
    ACT_DISABLE_VERSION_CHECK: "1",
    XDG_CACHE_HOME: dirname(cache),
    STRATA_TEST_MODULES: join(repository, "node_modules"),
  };
}

/** A PATH with what a runner has; `docker` is one without an engine. */
function layPrograms(folder: string, { gh, yq }: Programs): Record<"PATH", string> {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  if (gh.path !== undefined) symlinkSync(gh.path, join(bin, "gh"));
  symlinkSync(yq, join(bin, "yq"));
  const docker = join(bin, "docker");
  writeFileSync(
    docker,
    `#!/bin/sh\nexec '${process.execPath}' '${join(import.meta.dirname, "docker.ts")}' "$@"\n`,
  );
  chmodSync(docker, 0o755);
  return { PATH: `${bin}:${dirname(process.execPath)}:${process.env.PATH}` };
}
