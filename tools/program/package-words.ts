import { isPackage } from "../../home.ts";

/** What `make` takes as variables, and what it is to the command of the package. */
const options: Readonly<Record<string, (value: string) => string>> = {
  STACK: (value) => `--stack ${value}`,
  LAYER: (value) => `--layer ${value}`,
  COMMAND: (value) => `--command ${value}`,
  RETEST: () => "--retest",
  FULL: () => "--full",
  ARGS: (value) => value.replace(/^'(.*)'$/, "$1"),
};

/** A text that names commands as a clone has them, in the words of the package: `npx strata up`. */
export function inPackageWords(text: string): string {
  return text
    .replaceAll(/\bnpm run (?:--silent )?([a-z-]+)(?: --(?=\s))?/g, "npx strata $1")
    .replaceAll(
      /(`?)\bmake (up|preview|stage|shell|check-packages|export|run|rollback|down|clean)\b((?: [A-Z]+=(?:'[^']*'|[^\s`']*[^\s`'.,]))*)/g,
      (_, quote: string, command: string, variables: string) => quote + packageCommand(command, variables),
    );
}

/** The words of whoever runs strata: those of the clone as they are. */
export const commandWords: (text: string) => string = isPackage ? inPackageWords : (text) => text;

function packageCommand(command: string, variables: string): string {
  const given = [...variables.matchAll(/([A-Z]+)=('[^']*'|[^\s`']*[^\s`'.,])/g)].map(
    ([, name = "", value = ""]) => ({
      name,
      value,
    }),
  );
  const before = given.filter(({ name }) => options[name] === undefined);
  const after = given.flatMap(({ name, value }) => options[name]?.(value) ?? []);
  return [
    ...before.map(({ name, value }) => `STRATA_${name}=${value}`),
    "npx strata",
    command,
    ...after,
  ].join(" ");
}
