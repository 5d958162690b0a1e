import { randomBytes } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "../../../../home.ts";
import { lazily } from "../../../support/lazily.ts";
import { type Engine, startEngine } from "../engine.ts";
import { waitFor } from "../wait-for.ts";
import { ask } from "./browser.ts";
import { doors, type Instance, type Order, type Starter, serviceNames, startInstance } from "./container.ts";
import { buildVariant, buildVastImage } from "./image.ts";
import { type KeyPair, makeKey } from "./ssh.ts";

/** Ports that the tests' instance has beside those of the image, each with a recorder behind it: `public` needs no login. */
export const recorded = { guarded: 7777, public: 7778 } as const;
/** Where their recorders listen, and what they write. */
export const recorderOf = (port: number) => ({ port: port + 10_000, file: `/tmp/recorded-${port}` });

const applications = [
  "localhost:1111:11111:/:Instance Portal",
  "localhost:8188:18188:/:ComfyUI",
  "localhost:8080:18080:/:Jupyter",
  "localhost:8080:8080:/terminals/1:Jupyter Terminal",
  "localhost:6006:16006:/:Tensorboard",
];

/** The engine with the image, and the instance that most tests share. */
export interface Proof {
  readonly folder: string;
  /** A copy of the smoke test where containers can see it. */
  readonly smoke: string;
  readonly engine: Engine;
  readonly image: string;
  readonly key: KeyPair;
  /** A key that nobody was told of. */
  readonly stranger: KeyPair;
  /** What opens the door: as the platform makes it, and as its user chose it. */
  readonly token: string;
  readonly password: string;
  /** Starts an instance that goes with the proof. */
  start(order?: Order): Promise<Instance>;
  /** An image on top of the proof's; it is built once. */
  variant(name: string, lines: readonly string[]): Promise<string>;
  /** The address at which containers reach this machine, and nobody else does. */
  gateway(): Promise<string>;
  /** The instance that is shared, with every service up, and the seconds that this took. */
  readonly shared: () => Promise<{ readonly instance: Instance; readonly seconds: number }>;
  close(): Promise<void>;
}

export async function openProof(): Promise<Proof> {
  const folder = mkdtempSync(join(tmpdir(), "strata-vast-"));
  const launch = { ssh: writeLaunch(folder, "ssh"), jupyter: writeLaunch(folder, "jupyter") };
  const smoke = join(folder, "smoke");
  cpSync(join(repository, "smoke"), smoke, { recursive: true });
  const recorder = join(folder, "recorder.py");
  cpSync(join(import.meta.dirname, "recorder.py"), recorder);
  const engine = await startEngine();
  const started: Instance[] = [];
  try {
    const image = await buildVastImage(engine, join(folder, "image"));
    const starter: Starter = { engine, image, launch };
    const key = makeKey(folder, "injected");
    const stranger = makeKey(folder, "stranger");
    const [token, password] = [
      randomBytes(32).toString("hex"),
      `it's "a" $PASSWORD ${randomBytes(8).toString("hex")}`,
    ];
    const start = async (order: Order = {}) => {
      const environment = { SSH_PUBLIC_KEY: key.publicKey, OPEN_BUTTON_TOKEN: token, ...order.environment };
      const instance = await startInstance(starter, { ...order, environment });
      started.push(instance);
      return instance;
    };
    return {
      folder,
      smoke,
      engine,
      image,
      key,
      stranger,
      token,
      password,
      start,
      variant: (name, lines) => buildVariant(engine, folder, name, lines),
      async gateway() {
        const format = "{{(index .IPAM.Config 0).Gateway}}";
        return (await engine.docker("network", "inspect", "bridge", "--format", format)).stdout.trim();
      },
      shared: lazily(() => startShared(start, { token, password, recorder })),
      async close() {
        for (const instance of started) await instance.remove();
        await engine.stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await engine.stop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The stand-in of the platform's start: the mode is told by its text, as it is by the real one's. */
function writeLaunch(folder: string, mode: "ssh" | "jupyter"): string {
  const part = (name: string) => readFileSync(join(import.meta.dirname, name), "utf8");
  const file = join(folder, `launch-${mode}`);
  writeFileSync(
    file,
    part("launch.sh").replace("# THE PART MORE\n", mode === "jupyter" ? part("notebook.sh") : ""),
  );
  return file;
}

async function startShared(
  start: Proof["start"],
  { token, password, recorder }: Readonly<Record<"token" | "password" | "recorder", string>>,
) {
  const begun = performance.now();
  const ports = Object.values(recorded);
  const more = ports.map((port) => `localhost:${port}:${recorderOf(port).port}:/:Recorder ${port}`);
  const environment = {
    ENABLE_HTTPS: "true",
    WEB_PASSWORD: password,
    AUTH_EXCLUDE: String(recorded.public),
    PORTAL_CONFIG: [...applications, ...more].join("|"),
  };
  const flags = ["--volume", `${recorder}:/tmp/recorder.py:ro`];
  const mapped = [22, ...Object.values(doors), ...ports];
  const instance = await start({ environment, flags, ports: mapped });
  await instance.up(serviceNames, 60);
  const headers = { authorization: `Bearer ${token}` };
  for (const port of Object.values(doors)) {
    const asked = () => ask(`https://${instance.address}:${port}/`, { headers });
    await waitFor(`port ${port} opens`, async () =>
      asked().then(
        ({ status }) => status < 400,
        () => false,
      ),
    );
  }
  const seconds = (performance.now() - begun) / 1000;
  for (const { port, file } of ports.map(recorderOf)) {
    await instance.run(
      "sh",
      "-c",
      `python3 /tmp/recorder.py ${port} ${file} >/tmp/recorder-${port}.log 2>&1 &`,
    );
  }
  return { instance, seconds };
}
