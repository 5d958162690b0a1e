import type { SourceLock } from "../locks/source-lock.ts";
import { mirrored } from "../mirrors.ts";
import type { LayerContext } from "../recipe/layer.ts";

/** What of a stack's choices decides it. */
interface LlamaChoice {
  readonly llama: Pick<LayerContext["llama"], "source"> & { readonly commit?: string | undefined };
  readonly mirrors: Readonly<Record<string, string>>;
}

/** The commit of llama.cpp that a stack takes from git; null where nobody knows it. */
export function gitCommit({ llama }: Pick<LlamaChoice, "llama">, sources: SourceLock): string | null {
  return llama.commit ?? sources.llamaCpp.git.commit;
}

/** Where llama.cpp's source comes from, and what holds it. */
export function llamaPin(choices: LlamaChoice, sources: SourceLock): LayerContext["llama"]["pin"] {
  const { sdist, git } = sources.llamaCpp;
  if (choices.llama.source === "sdist") {
    return { version: `${sdist.package}-${sdist.version}`, location: sdist.version, hash: sdist.sha256 };
  }
  return {
    version: git.tag,
    location: mirrored(git.repository, choices.mirrors),
    hash: gitCommit(choices, sources) ?? "",
  };
}
