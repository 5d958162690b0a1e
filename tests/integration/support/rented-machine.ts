/**
 * An instance on EC2 as a process here: it runs the user data of a builder, with what EC2 has and a test has not in other places:
 * the metadata service, the end of the machine, and AWS's plugin for port forwarding, of which
 * src/sessionmanagerplugin/session of github.com/aws/session-manager-plugin says how it is called and what it prints.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { builderData } from "../../../lib/hosts/fleet.ts";
import { unmountBelow } from "../../../tools/program/mounts.ts";
import { openTunnel } from "../../../tools/rented/tunnel.ts";
import { executables } from "../../../tools/toolchain/find.ts";
import { freePort } from "../../support/port.ts";
import { script } from "../../unit/support/folder.ts";
import type { FakeMachine } from "../../unit/tools/rented/fake-region.ts";

export interface RentedMachine extends FakeMachine {
  /** EC2 tells that it takes the instance back. */
  giveNotice(): void;
  /** What its buildkitd has said, of all instances. */
  log(): string;
  /** Whether anything of it runs. */
  isUp(): boolean;
  close(): Promise<void>;
}

const plugin = `
const { createServer, connect } = require("node:net");
const session = JSON.parse(process.env[process.argv[2]]);
if (process.argv[4] !== "StartSession" || !session.TokenValue) process.exit(1);
const { Parameters: { portNumber: [port] } } = JSON.parse(process.argv[6]);
if (port !== "1234") process.exit(1);
const server = createServer((near) => {
  const far = connect(Number(process.env.STRATA_PORT), "127.0.0.1");
  near.on("error", () => far.destroy()).pipe(far).on("error", () => near.destroy()).pipe(near);
});
server.listen(0, "localhost", () => {
  console.log("\\nStarting session with SessionId: " + session.SessionId);
  console.log("Port " + server.address().port + " opened for sessionId " + session.SessionId + ".\\nWaiting for connections...");
});
`;

/** @param buildkitd the program */
export async function makeRentedMachine(folder: string, buildkitd: string): Promise<RentedMachine> {
  const [bin, root] = [join(folder, "bin"), join(folder, "root")];
  const port = await freePort();
  let isTakenBack = false;
  const metadata = await startMetadata(() => isTakenBack);
  const release = makeRelease(folder, buildkitd);
  writeFileSync(join(folder, "user-data"), builderData(60, `file://${release}`));
  script(join(bin, "shutdown"), `echo "$*" >>${folder}/shutdowns`);
  script(join(bin, "lsblk"), "exit 0");
  script(join(bin, "mountpoint"), "exit 32");
  writeFileSync(join(folder, "plugin.cjs"), plugin);
  process.env.STRATA_PORT = String(port);
  script(join(bin, "session-manager-plugin"), `exec ${process.execPath} ${folder}/plugin.cjs "$@"`);
  let child: ChildProcess | undefined;
  const said: string[] = [];
  const isUp = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  let runFolder = "";
  const machine: RentedMachine = {
    isReal: true,
    boot(run) {
      runFolder = run;
      isTakenBack = false;
      mkdirSync(root, { recursive: true });
      const log = openSync(join(folder, "said"), "a");
      child = spawn("bash", [join(folder, "user-data")], {
        detached: true,
        stdio: ["ignore", log, log],
        env: {
          ...process.env,
          PATH: `${bin}:${process.env.PATH}`,
          STRATA_RUN: run,
          STRATA_ROOT: root,
          STRATA_PORT: String(port),
          STRATA_METADATA: metadata.url,
        },
      });
    },
    end() {
      if (isUp() && child?.pid) {
        said.push(readLog(runFolder));
        process.kill(-child.pid, "SIGKILL");
      }
    },
    openTunnel: (clients) =>
      openTunnel(join(bin, "session-manager-plugin"), { instance: "i-01", region: "us-east-1" }, clients),
    giveNotice() {
      isTakenBack = true;
    },
    log: () => [...said, readLog(runFolder)].join("\n"),
    isUp,
    async close() {
      machine.end();
      metadata.server.closeAllConnections();
      metadata.server.close();
      await unmountBelow(folder);
    },
  };
  return machine;
}

function readLog(run: string): string {
  try {
    return readFileSync(join(run, "buildkitd.log"), "utf8");
  } catch {
    return "";
  }
}

/** BuildKit's archive as its releases have it. */
function makeRelease(folder: string, buildkitd: string): string {
  const bin = join(folder, "release", "bin");
  mkdirSync(bin, { recursive: true });
  const [runc = "runc"] = executables("runc", process.env.PATH ?? "");
  for (const [from, name] of [
    [buildkitd, "buildkitd"],
    [runc, "buildkit-runc"],
  ] as const) {
    copyFileSync(from, join(bin, name));
    chmodSync(join(bin, name), 0o755);
  }
  const archive = join(folder, "buildkit.tar.gz");
  execFileSync("tar", [
    "--use-compress-program=gzip -1",
    "-cf",
    archive,
    "-C",
    join(folder, "release"),
    "bin",
  ]);
  return archive;
}

/** IMDSv2: a token, and a notice where there is one. */
async function startMetadata(isTakenBack: () => boolean): Promise<{ url: string; server: Server }> {
  const server = createServer(({ method, url, headers }, response) => {
    if (method === "PUT" && url === "/latest/api/token") return response.end("a-token");
    const isAllowed = headers["x-aws-ec2-metadata-token"] === "a-token";
    const isNotice = url === "/latest/meta-data/spot/instance-action" && isTakenBack();
    response.writeHead(isAllowed ? (isNotice ? 200 : 404) : 401);
    return response.end(isNotice ? '{"action":"terminate","time":"2026-01-01T00:00:00Z"}' : "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
