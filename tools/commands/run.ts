import { parseArgs } from "node:util";
import { execa } from "execa";
import { home } from "../../home.ts";
import { Transport } from "../../oci/access/transport.ts";
import { parseReference } from "../../oci/references.ts";
import { withLogin } from "../builder/docker-login.ts";
import { findEngine, hasGpu, refuseOldEngine } from "../delivery/container-engine.ts";
import { byDigest, findImage } from "../delivery/find-image.ts";
import { runWords, shellLine } from "../delivery/run-words.ts";
import { attempt } from "../program/exec.ts";
import { deferInterrupts, main } from "../program/main.ts";
import { note } from "../program/progress.ts";

const HELP = `Usage: npm run run -- [--stack NAME | --reference REFERENCE] [--engine PROGRAM] [--no-gpu] [-- WORD…]

  --stack NAME           whose product (default: dev): what passed its test
  --reference REFERENCE  another image, of any registry that \`docker login\` opens
  --engine PROGRAM       docker or podman (default: the first that answers)
  --no-gpu               leave the GPUs of this machine out
  WORD…                  further words for the engine: -v /srv/models:/models -e LLAMA_ARG_MODEL=/models/model.gguf

Runs an image as README says: its ports, the GPUs where there are any, for ComfyUI the volume \`comfyui\`, and STRATA_TOKEN,
HF_TOKEN, CIVITAI_TOKEN, WEB_PASSWORD and SSH_PUBLIC_KEY where they are set. Prints the command line. The exit status is the container's.`;

const VARIABLES = ["STRATA_TOKEN", "HF_TOKEN", "CIVITAI_TOKEN", "WEB_PASSWORD", "SSH_PUBLIC_KEY"];

/** `make run`: the product in a container of this machine's engine, until Ctrl-C. */
await main(
  async () => {
    const [own, more] = splitWords(process.argv.slice(2));
    const { values } = parseArgs({
      args: own,
      allowNegative: true,
      options: {
        stack: { type: "string", default: "dev" },
        reference: { type: "string" },
        engine: { type: "string" },
        gpu: { type: "boolean", default: true },
      },
    });
    const engine = await findEngine(values.engine === undefined ? undefined : [values.engine]);
    const found = await findImage(home, values, new Transport());
    const reference = byDigest(found);
    const isHere = (await attempt(engine.program, ["image", "inspect", reference])).ok;
    if (!isHere) refuseOldEngine(engine, found.image);
    const words = runWords({
      engine,
      reference,
      config: found.image.config,
      gpu: values.gpu && hasGpu(),
      variables: VARIABLES.filter((name) => process.env[name]),
      more,
    });
    note(shellLine([engine.program, ...words]));
    // It may have to pull: with the login that strata keeps, else with the user's own.
    return await withLogin(home, parseReference(reference).registry, async (env) => {
      const child = execa(engine.program, words, { stdio: "inherit", reject: false, env });
      const ended = await deferInterrupts(
        // Ctrl-C at a terminal reaches the engine's client by itself; it ends when the container has.
        (signal) => {
          if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
        },
        async () => await child,
      );
      return ended.exitCode ?? 1;
    });
  },
  { help: HELP },
);

/** What is for this program, and what comes after `--`. */
function splitWords(words: readonly string[]): [own: string[], more: string[]] {
  const end = words.indexOf("--");
  return end < 0 ? [[...words], []] : [words.slice(0, end), words.slice(end + 1)];
}
