import { DockerfileParser } from "dockerfile-ast";
import { readStageTag } from "../registry/tags.ts";
import { secretsInConfigText, soundsSecret } from "../secrets.ts";
import {
  at,
  listAt,
  namedTexts,
  type PolicyRule,
  type PolicyTerms,
  textAt,
  type WantedResource,
} from "./policy-rule.ts";

const IMAGE = "docker-build:index:Image";
const COMMAND = "command:local:Command";
const digest = /@sha256:[0-9a-f]{64}$/;

/** What an image is built from stays what it is: a digest, or a stage by its key, as previews name it before it is built. */
export const unpinnedBase: PolicyRule = {
  name: "unpinned-base",
  description: "Images are built from digests, never from what a tag points at.",
  problems: (resource, terms) => {
    if (resource.type !== IMAGE) return [];
    const named = at(resource.props, "context", "named");
    const contexts = Object.entries(typeof named === "object" && named !== null ? named : {});
    return [
      ...contexts.flatMap(([name, value]) => {
        const location = textAt(value, "location");
        const image = /^docker-image:\/\/(.*)$/.exec(location ?? "")?.[1];
        return image === undefined || isPinned(image)
          ? []
          : [`its context ${name} is ${image}, without a digest`];
      }),
      ...basesIn(
        resource,
        terms,
        contexts.map(([name]) => name),
      ).map((image) => `its Dockerfile is FROM ${image}, without a digest`),
    ];
  },
};

/** What is pushed of a stage lies under a tag that its key made: nobody's tag changes what it means. */
export const mutableStageTag: PolicyRule = {
  name: "mutable-stage-tag",
  description: "Stages are pushed under the tag of their key alone; only promotion moves tags.",
  problems: ({ type, props }) => {
    if (type !== IMAGE) return [];
    const exported = listAt(props, "exports").flatMap((each) => [
      ...(/(?:^|,)name=([^,]+)/.exec(textAt(each, "raw") ?? "")?.slice(1) ?? []),
      ...["image", "registry"].flatMap((kind) =>
        listAt(each, kind, "names").filter((name) => typeof name === "string"),
      ),
    ]);
    const tagged = listAt(props, "tags").filter((tag) => typeof tag === "string");
    return [...exported, ...tagged]
      .filter((reference) => readStageTag(reference) === undefined)
      .map((reference) => `it is pushed as ${reference}, a tag that may be moved`);
  },
};

/** Arguments of builds and commands are in states, logs and lists of processes. */
export const secretArgument: PolicyRule = {
  name: "secret-argument",
  description: "No argument of a build and no command line holds a secret.",
  problems: ({ type, props }) => {
    if (type === IMAGE) {
      return ["buildArgs", "labels"].flatMap((kind) =>
        namedTexts(at(props, kind)).flatMap(([name, value]) => {
          if (value === "") return [];
          const kinds = [
            ...secretsInConfigText(value),
            ...(soundsSecret(name) ? ["a secret by its name"] : []),
          ];
          return kinds.map((found) => `${kind}.${name} holds ${found}`);
        }),
      );
    }
    if (type !== COMMAND) return [];
    return ["create", "update", "delete"].flatMap((kind) =>
      secretsInConfigText(textAt(props, kind) ?? "").map((found) => `its command (${kind}) holds ${found}`),
    );
  },
};

/** A tag moves to what is signed, where the stack says so. */
export const unsignedPromotion: PolicyRule = {
  name: "unsigned-promotion",
  description: "Where strata:trust is set, tags move only by steps that are told to verify it.",
  problems: ({ type, props }, { trust }) => {
    const command = textAt(props, "create") ?? "";
    if (type !== COMMAND || !trust || !/\/steps\/(?:promotion|product-copy)\.[jt]s\b/.test(command))
      return [];
    const told = trustIn(textAt(props, "environment", "STRATA_TRUST"));
    if (told === undefined) return ["it moves tags without verifying what strata:trust wants signed"];
    const [asked, wanted] = [signersOf(told), signersOf(trust)];
    const lacking = trust.predicates.filter((name) => !listAt(told, "predicates").includes(name));
    const isForeign = asked.length === 0 || asked.some((signer) => !wanted.includes(signer));
    return [
      ...(isForeign || at(told, "root") !== trust.root
        ? ["it verifies by others than strata:trust names"]
        : []),
      ...(lacking.length > 0 ? [`it does not verify ${lacking.join(", ")}`] : []),
    ];
  },
};

/** Keys, and identities as they are compared. */
function signersOf(trust: unknown): string[] {
  return [
    ...listAt(trust, "keys").map(String),
    ...listAt(trust, "identities").map((each) => `${textAt(each, "identity")} ${textAt(each, "issuer")}`),
  ];
}

function trustIn(text: string | undefined): unknown {
  try {
    return text ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}

function isPinned(image: string): boolean {
  return digest.test(image) || readStageTag(image) !== undefined;
}

/** What a Dockerfile begins with that is neither a stage of its own, a context, nor nothing. */
function basesIn({ props }: WantedResource, { read }: PolicyTerms, contexts: readonly string[]): string[] {
  const location = textAt(props, "dockerfile", "location");
  const text =
    textAt(props, "dockerfile", "inline") ?? (location === undefined ? undefined : read?.(location));
  if (text === undefined) return [];
  const froms = DockerfileParser.parse(text).getFROMs();
  const stages = froms.map((from) => from.getBuildStage()).filter((stage) => stage !== null);
  return froms.flatMap((from) => {
    const image = from.getImage();
    // A variable is one of the build's arguments, which names a context: nothing else is pulled.
    if (!image || image === "scratch" || image.includes("$")) return [];
    return [...stages, ...contexts].includes(image) || digest.test(image) ? [] : [image];
  });
}
