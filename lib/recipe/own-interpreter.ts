import { runInstruction } from "./dockerfile.ts";
import { type LayerContext, ownPython } from "./layer.ts";

/**
 * What a build layer that starts from the base image has beside its own in stacks with an interpreter of their own: other
 * layers call that one by the names that the distribution's has. Without one nothing of it is part of any key.
 */
export const builtWithOwnPython = {
  parents: ({ cpython }: LayerContext): string[] => (cpython ? ["cpython"] : []),
  onBase: true,
  args: ({ cpython, python }: LayerContext): Record<string, string> => (cpython ? { PYTHON: python } : {}),
  generated: ({ cpython }: LayerContext): Record<string, string> => (cpython ? { [script]: wrappers } : {}),
};

const script = "use-cpython.sh";

const wrappers = `#!/bin/sh
# Makes the stack's own CPython the one that builds call. In products the distribution keeps these names. Scripts, as a
# link would do for Python alone: an environment that uv makes of a link looks for its library beside the link.
set -eu
for name in python3 "python$PYTHON"; do
  rm -f "/usr/bin/$name"
  printf '#!/bin/sh\\nexec ${ownPython}/bin/python%s "$@"\\n' "$PYTHON" >"/usr/bin/$name"
  chmod 755 "/usr/bin/$name"
done
`;

/** The Dockerfile of such a layer; undefined where the file in its folder does. @param mounts what its installation needs */
export function ownPythonDockerfile(
  comment: string,
  mounts: readonly string[],
  { cpython }: LayerContext,
): string | undefined {
  if (!cpython) return undefined;
  const context = "--mount=type=bind,target=/context";
  return [
    `# ${comment}`,
    "FROM base",
    "ARG SOURCE_DATE_EPOCH",
    "ARG PYTHON",
    "COPY --link --from=cpython / /",
    `ENV PATH=${ownPython}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    runInstruction([...mounts, context], "sh -eu /context/settled.sh /context/install.sh"),
    runInstruction(["--network=none", context], `sh -eu /context/settled.sh /context/${script}`),
    "",
  ].join("\n");
}
