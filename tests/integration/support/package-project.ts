import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { homeAt, repository } from "../../../home.ts";
import { packPackage } from "../../../tools/package/pack.ts";
import { pulumiEnvironment } from "../../../tools/program/environment.ts";

/** The blocks of a language in a document, as they stand there. */
export function blocksOf(path: string, language: string): string[] {
  const text = readFileSync(join(repository, path), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, block = ""]) => block,
  );
}

/** A project outside of the repository, in which strata was installed from its package. */
export interface PackageProject {
  /** `<folder>/my-images`; the folder is the project's repository. */
  readonly folder: string;
  readonly packageFolder: string;
  /** What the words of docs/package.md printed. */
  readonly told: string;
  /** Runs a program in a folder of the project, by default its own; throws where it fails. */
  call(command: string, args: readonly string[], options?: { cwd?: string; reject?: boolean }): Called;
  /** A Pulumi program beside it, with the same packages; returns its folder. */
  program(name: string, files: Readonly<Record<string, string>>): string;
  /** The CLI that strata found. */
  pulumi(cwd: string, ...args: string[]): Called;
  close(): void;
}
type Called = Promise<{ stdout: string; stderr: string; exitCode?: number | undefined }>;

/** Packs strata and does in an empty folder what docs/package.md says, word by word. */
export async function openPackageProject(): Promise<PackageProject> {
  const root = mkdtempSync(join(tmpdir(), "strata-package-test-"));
  const folder = join(root, "my-images");
  mkdirSync(folder);
  copyFileSync(await packPackage(join(root, "packed")), join(folder, "strata-0.1.0.tgz"));
  const others = Object.entries(process.env).filter(
    ([name]) => !/^(STRATA|PULUMI|GIT)_|^npm_(?!config_(cache|registry|cafile))|^NODE_TEST/.test(name),
  );
  // What is in npm's cache is not asked for again: 190 MB.
  const environment = { ...Object.fromEntries(others), npm_config_prefer_offline: "true", NO_COLOR: "1" };
  const call: PackageProject["call"] = async (command, args, { cwd = folder, reject = true } = {}) =>
    await execa(command, [...args], { cwd, env: environment, extendEnv: false, stdin: "ignore", reject });
  const [words = ""] = blocksOf("docs/package.md", "sh");
  const { stdout: told } = await call("sh", ["-euc", words]);
  const home = homeAt(join(folder, ".strata"));
  return {
    folder,
    packageFolder: join(folder, "node_modules/strata"),
    told,
    call,
    program: (name, files) => {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(root, name, path)), { recursive: true });
        writeFileSync(join(root, name, path), text);
      }
      symlinkSync(join(folder, "node_modules"), join(root, name, "node_modules"));
      return join(root, name);
    },
    pulumi: async (cwd, ...args) => {
      const { tools } = JSON.parse(readFileSync(home.toolchain, "utf8"));
      const env = { ...environment, ...pulumiEnvironment(home, environment) };
      return await execa(tools.pulumi.path, [...args, "--non-interactive"], { cwd, env, extendEnv: false });
    },
    close: () => rmSync(root, { recursive: true, force: true }),
  };
}
