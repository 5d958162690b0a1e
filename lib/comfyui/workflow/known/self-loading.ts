import { unnamedFiles } from "./unnamed-files.ts";

const byClass = new Map(Object.values(unnamedFiles).flatMap((files) => Object.entries(files)));

/** Preprocessors that compute: no weights. Fannovel16/comfyui_controlnet_aux at e8b689a, cubiq/ComfyUI_InstantID. */
const withoutWeights = new Set([
  ...["BinaryPreprocessor", "CannyEdgePreprocessor", "ColorPreprocessor", "InpaintPreprocessor"],
  ...["LineartStandardPreprocessor", "PyraCannyPreprocessor", "ScribblePreprocessor", "ShufflePreprocessor"],
  ...["Scribble_XDoG_Preprocessor", "TilePreprocessor", "TTPlanet_TileGF_Preprocessor"],
  ...["TTPlanet_TileSimple_Preprocessor", "FaceKeypointsPreprocessor", "MediaPipe-FaceMeshPreprocessor"],
  ...["Canny_Preprocessor_Provider_for_SEGS //Inspire", "Color_Preprocessor_Provider_for_SEGS //Inspire"],
  ...["InpaintPreprocessor_Provider_for_SEGS //Inspire", "TilePreprocessor_Provider_for_SEGS //Inspire"],
  ...["MediaPipe_FaceMesh_Preprocessor_Provider_for_SEGS //Inspire"],
]);

/** The files that a class loads without naming them; undefined where it has none. */
export function neededUnnamed(type: string): string | undefined {
  return byClass.get(type);
}

/** Classes that fetch what they need by themselves when they run, whatever their inputs say. */
export function fetchesItself(type: string): boolean {
  if (withoutWeights.has(type)) return false;
  return (
    /^(DownloadAndLoad|\(Down\)Load)/.test(type) ||
    /Preprocessor(_aux)?$|Preprocessor_?Provider_for_SEGS \/\/Inspire$/.test(type)
  );
}
