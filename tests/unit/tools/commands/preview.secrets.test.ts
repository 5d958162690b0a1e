/** Secrets planted wherever a stack, a run or a checkout can hold one: none of them is in anything that comes out. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { execa } from "execa";
import { homeAt, repository } from "../../../../home.ts";
import { previewSchema } from "../../../../lib/preview/preview-schema.ts";
import { temporaryFolder } from "../../support/folder.ts";

/** What a run of the preview reads. */
const sources = [
  "config.ts",
  "errors.ts",
  "home.ts",
  "package.json",
  "Pulumi.yaml",
  "layers",
  "lib",
  "locks",
  "oci",
  "recipes",
];

const token = (name: string) => `ghp_${name}${"0123456789abcdefABCDEF".repeat(2)}`.slice(0, 40);
const encrypted = (name: string) => `v1:${name}AAAAAAAA=:${name}BBBBBBBBBBBBBBBB`;

/** Every one of these is planted somewhere below. */
const planted = {
  mirrorLogin: "hunter22-mirror",
  mirrorToken: token("mirror"),
  tag: token("tag"),
  builder: token("builder"),
  repository: token("repository").toLowerCase(),
  commit: token("commit"),
  generation: token("generation"),
  unknown: token("unknown"),
  certificate: "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
  secureMirror: encrypted("mirror"),
  secureRegistry: encrypted("registry"),
  secureOther: encrypted("other"),
  gitRemote: "hunter22-remote",
  fileName: token("file"),
  stateArgument: token("argument"),
  stateNamed: "hunter22-named-in-state",
  stateEvidence: token("evidence"),
  stateCipher: encrypted("state"),
  githubToken: "plain-but-secret-1",
  passphrase: "plain-but-secret-2",
  huggingFace: "plain-but-secret-3",
  awsKey: "plain-but-secret-4",
  backendLogin: "hunter22-backend",
} as const;

const stacks: Readonly<Record<string, object>> = {
  login: { "strata:mirrors": { "https://github.com/": `https://user:${planted.mirrorLogin}@mirror/` } },
  parameter: { "strata:mirrors": { "https://github.com/": `https://mirror/?token=${planted.mirrorToken}` } },
  names: {
    "strata:tags": [planted.tag],
    "strata:builder": planted.builder,
    "strata:registry": { kind: "local", repository: planted.repository },
  },
  commit: { "strata:llama": { source: "git", commit: planted.commit } },
  generation: { "strata:generation": planted.generation },
  unknown: { [`strata:${planted.unknown}`]: "1" },
  certificates: {
    "strata:certificates": `-----BEGIN PRIVATE KEY-----\n${planted.certificate}\n-----END PRIVATE KEY-----`,
  },
  encrypted: { "strata:mirrors": { secure: planted.secureMirror } },
  nested: {
    "strata:registry": { kind: "local", repository: "strata", password: { secure: planted.secureRegistry } },
    "aws:secretKey": { secure: planted.secureOther },
  },
  state: {},
};

/** A checkout with all of them, and a home with a state that has more. */
async function plant(folder: string): Promise<{ root: string; home: string }> {
  const root = join(folder, "checkout");
  for (const path of [...sources, "smoke", "tools"]) {
    cpSync(join(repository, path), join(root, path), {
      recursive: true,
      filter: (file) => !/\/(__pycache__|go)$/.test(file),
    });
  }
  symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
  for (const [name, config] of Object.entries(stacks)) {
    // Stacks of one repository need tags of their own.
    const own = { "strata:tags": [name], ...config };
    writeFileSync(join(root, `Pulumi.${name}.yaml`), JSON.stringify({ config: own }));
  }
  writeFileSync(join(root, "layers/backend", `${planted.fileName}.txt`), "x");
  const git = (...args: string[]) => execa("git", ["-C", root, ...args]);
  await git("init", "--quiet");
  await git("remote", "add", "origin", `https://x-access-token:${planted.gitRemote}@github.com/o/n.git`);
  const home = join(folder, "home");
  const state = join(homeAt(home).state, ".pulumi/stacks/strata/state.json");
  mkdirSync(dirname(state), { recursive: true });
  writeFileSync(state, JSON.stringify(stateFile()));
  return { root, home };
}

function stateFile(): object {
  const inputs = {
    "argument:GIT_LOCATION": `https://host/${planted.stateArgument}`,
    "argument:HF_TOKEN": planted.stateNamed,
  };
  const outputs = {
    stages: { backend: { key: "former", inputs, bytes: 1 }, gone: { key: "gone", inputs, bytes: 1 } },
    product: {
      reference: `host/${planted.stateArgument}@sha256:1`,
      digest: "sha256:1",
      tags: [`host:${planted.stateArgument}`],
    },
    evidence: { verdict: planted.stateEvidence, checks: [], gpu: { name: planted.stateEvidence } },
    password: { "4dabf18193072939515e22adb298388d": "x", ciphertext: planted.stateCipher },
  };
  return { checkpoint: { latest: { resources: [{ type: "pulumi:pulumi:Stack", outputs }] } } };
}

test("a planted secret is in no output, no comment and no JSON", async (t) => {
  const folder = temporaryFolder(t);
  const { root, home } = await plant(folder);
  const environment = {
    STRATA_HOME: home,
    NO_COLOR: "1",
    GITHUB_TOKEN: planted.githubToken,
    PULUMI_CONFIG_PASSPHRASE: planted.passphrase,
    HF_TOKEN: planted.huggingFace,
    AWS_SECRET_ACCESS_KEY: planted.awsKey,
  };
  const run = async (program: string, args: readonly string[], more: Record<string, string> = {}) =>
    await execa(process.execPath, [join(root, program), ...args], {
      cwd: root,
      env: { PULUMI_BACKEND_URL: "", ...environment, ...more },
      reject: false,
    });
  const result = join(folder, "result");
  const said = `no login: ${planted.githubToken} ${planted.mirrorToken} https://u:${planted.backendLogin}@host`;
  const runs = [
    await run("tools/commands/preview.ts", ["--offline", "--out", result]),
    await run("tools/commands/preview.ts", ["--offline", "--json"]),
    await run("tools/commands/preview.ts", ["--offline", "--markdown", "--stack", "state"], {
      PULUMI_BACKEND_URL: `https://user:${planted.backendLogin}@backend.example`,
    }),
    await run("tools/commands/comment.ts", ["--dry-run", "--preview", join(result, "preview.json")]),
    await run("tools/commands/comment.ts", ["--dry-run", "--problem", said]),
  ];
  const [tree, json] = runs;
  for (const { stdout, stderr } of runs) {
    for (const [place, secret] of Object.entries(planted)) {
      for (const text of [stdout, stderr]) {
        assert.ok(!text.includes(secret), `${place} is in:\n${text}`);
        assert.ok(
          !text.includes(secret.slice(0, 24)) || secret.length <= 24,
          `a part of ${place} is in:\n${text}`,
        );
      }
    }
  }
  // Nothing was left out for another reason: each stack came as far as it should.
  const verdicts = previewSchema
    .parse(JSON.parse(json?.stdout ?? ""))
    .stacks.map(({ stack, verdict }) => `${stack} ${verdict}`);
  assert.deepEqual(verdicts, [
    "certificates new",
    "commit failed",
    "encrypted failed",
    "generation failed",
    "login failed",
    "names new",
    "nested failed",
    "parameter failed",
    "state changed",
    "unknown failed",
  ]);
  assert.match(tree?.stdout ?? "", /file layers\/backend\/\[secret\]\.txt is new/);
  assert.match(tree?.stdout ?? "", /argument HF_TOKEN is gone \(\[secret\]\)/);
  assert.match(tree?.stdout ?? "", /strata:mirrors: is a secret/);
});
