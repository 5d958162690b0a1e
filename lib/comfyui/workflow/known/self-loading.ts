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

/**
 * Classes that fetch what they need by themselves when they run, by the names that their authors give such. For what nobody has
 * read, and for what is handed on and runs in another node.
 */
export function fetchesItself(type: string): boolean {
  if (withoutWeights.has(type)) return false;
  return (
    /^(DownloadAndLoad|\(Down\)Load)/.test(type) ||
    /Preprocessor(_aux)?$|Preprocessor_?Provider_for_SEGS \/\/Inspire$/.test(type)
  );
}
