/**
 * Nodes that exist in the editor alone: no class of ComfyUI is behind them, and nothing of them is sent.
 * Sources: Comfy-Org/ComfyUI_frontend (Note, MarkdownNote, Reroute, PrimitiveNode), kijai/ComfyUI-KJNodes
 * web/js/setgetnodes.js, rgthree/rgthree-comfy src_web/comfyui/constants.ts and the files beside it,
 * yolain/ComfyUI-Easy-Use web_version/v1/js/getset.js and bookmark.js, melMass/comfy_mtb web/note_plus.js,
 * pythongosssss/ComfyUI-Custom-Scripts web/js/presetText.js.
 */
export const virtualTypes: ReadonlySet<string> = new Set([
  "Note",
  "MarkdownNote",
  "Reroute",
  "PrimitiveNode",
  "SetNode",
  "GetNode",
  "easy setNode",
  "easy getNode",
  "easy bookmark",
  "Note Plus (mtb)",
  "PresetText|pysssss",
  "Bookmark (rgthree)",
  "Fast Actions Button (rgthree)",
  "Fast Bypasser (rgthree)",
  "Fast Groups Bypasser (rgthree)",
  "Fast Groups Muter (rgthree)",
  "Fast Muter (rgthree)",
  "Label (rgthree)",
  "Mute / Bypass Relay (rgthree)",
  "Mute / Bypass Repeater (rgthree)",
  "Node Collector (rgthree)",
  "Random Unmuter (rgthree)",
  "Reroute (rgthree)",
]);

/** Nodes whose only widget is what they hand on, so that their value is known before they run. */
export const constantTypes: ReadonlySet<string> = new Set([
  "PrimitiveNode",
  "PrimitiveString",
  "PrimitiveStringMultiline",
]);

export const isReroute = (type: string): boolean => type === "Reroute" || type === "Reroute (rgthree)";

/** A name under which a result is kept, and what takes it from there: without a link, and of the editor alone. */
export const isSetter = (type: string): boolean => type === "SetNode" || type === "easy setNode";
export const isGetter = (type: string): boolean => type === "GetNode" || type === "easy getNode";

/** Notes of people, in which links to models stand. */
export const isNote = (type: string): boolean => /^(Markdown)?Note$|^Note Plus \(mtb\)$/.test(type);
