import { UserError } from "../../errors.ts";
import type { PythonVersion } from "../gpu/compatibility.ts";
import type { BaseImage } from "../locks/image-lock.ts";
import type { LockedInterpreters } from "../locks/source-lock.ts";
import { mirrored } from "../mirrors.ts";
import type { CpythonPin, LayerContext } from "./layer.ts";
import type { Recipe } from "./recipe.ts";
import type { CpythonSetting } from "./source-settings.ts";

interface InterpreterChoices {
  readonly python: PythonVersion;
  readonly cpython?: CpythonSetting | undefined;
  readonly mirrors: Readonly<Record<string, string>>;
}

interface InterpreterSources {
  readonly recipe: Pick<Recipe, "layers">;
  readonly base: BaseImage;
  readonly bases?: Readonly<Record<string, Pick<BaseImage, "python">>>;
  readonly sources: { readonly cpython: LockedInterpreters };
}

/** The interpreter that an image gets beside the distribution's; nothing where the base image brings the right one. */
export function interpreterPin(
  choices: InterpreterChoices,
  given: InterpreterSources,
): Pick<LayerContext, "cpython"> {
  if (given.base.python === choices.python || !hasOwn(given)) return {};
  const pin = chosen(choices, given.sources.cpython);
  return pin ? { cpython: { ...pin, url: mirrored(pin.url, choices.mirrors) } } : {};
}

/** Why a stack cannot have the Python that it asks for. */
export function interpreterProblems(choices: InterpreterChoices, given: InterpreterSources): UserError[] {
  const { base, sources } = given;
  const { python, cpython } = choices;
  if (base.python === python) return [];
  if (!hasOwn(given)) {
    return [
      new UserError(
        "strata:python",
        `the recipe has no layer cpython, and the base image ${base.name} brings Python ${base.python}, not ${python}.`,
        `${withPython(python, given.bases)}, or strata:python to "${base.python}".`,
      ),
    ];
  }
  if (cpython && "url" in cpython) {
    return cpython.version.startsWith(`${python.replace("t", "")}.`)
      ? []
      : [
          new UserError(
            "strata:cpython",
            `is CPython ${cpython.version}, and strata:python asks for ${python}.`,
            "Give an archive of that version.",
          ),
        ];
  }
  if (chosen(choices, sources.cpython)) return [];
  const others = Object.keys(sources.cpython[python] ?? {}).map((from) => `{"from": "${from}"}`);
  return [
    new UserError(
      "strata:cpython",
      `locks/sources.json has no ${cpython?.from ?? "standalone"} of CPython ${python}.`,
      `${others.length > 0 ? `Set it to ${others.join(" or ")}` : "Give url, sha256 and version of an archive"}, or strata:python to "${base.python}".`,
    ),
  ];
}

function hasOwn({ recipe }: InterpreterSources): boolean {
  return recipe.layers.some(({ name }) => name === "cpython");
}

function chosen(
  { python, cpython = { from: "standalone" } }: InterpreterChoices,
  locked: LockedInterpreters,
): CpythonPin | undefined {
  if ("url" in cpython) return { kind: "standalone", ...cpython };
  const known = locked[python];
  if (cpython.from === "standalone") {
    if (!known?.standalone) return undefined;
    const { version, url, sha256 } = known.standalone;
    return { kind: "standalone", version, url, sha256 };
  }
  if (!known?.source) return undefined;
  const { version, url, sha256, package: debian } = known.source;
  return { kind: "source", version, url, sha256, ...(debian ? { package: debian } : {}) };
}

/** Which setting brings a Python along, as far as one does; the sentence goes on. */
function withPython(python: string, bases: InterpreterSources["bases"] = {}): string {
  const names = Object.keys(bases).filter((name) => bases[name]?.python === python);
  return names.length > 0
    ? `Set strata:base to ${names.join(" or ")}`
    : `No image of locks/images.json brings it: add one and set strata:base to it`;
}
