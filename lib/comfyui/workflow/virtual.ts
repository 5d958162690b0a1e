/**
 * Nodes that exist in the editor alone: no class of ComfyUI is behind them, and nothing of them is sent.
 * Sources: Comfy-Org/ComfyUI_frontend (Note, MarkdownNote, Reroute, PrimitiveNode), kijai/ComfyUI-KJNodes
 * web/js/setgetnodes.js, rgthree/rgthree-comfy src_web/comfyui/constants.ts and the files beside it.
 */
export const virtualTypes: ReadonlySet<string> = new Set([
  "Note",
  "MarkdownNote",
  "Reroute",
  "PrimitiveNode",
  "SetNode",
  "GetNode",
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
