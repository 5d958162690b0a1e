const insightface = (model: string) => `InsightFace's model ${model} (models/insightface/models/${model})`;

const each = (types: readonly string[], what: string) =>
  Object.fromEntries(types.map((type) => [type, what]));

/**
 * Words for what classes load that no input names, by repository, where their code (`loads` in locks/node-classes.json) does
 * not say it by itself. Read by people at the commits in locks/nodes.json. A class that is not here is told by its code.
 */
export const unnamedFiles: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "Comfy-Org/ComfyUI": { DiffusersLoader: "all files of a folder below models/diffusers" },
  "cubiq/ComfyUI_IPAdapter_plus": {
    IPAdapterInsightFaceLoader: "InsightFace's model (models/insightface/models)",
  },
  "cubiq/ComfyUI_InstantID": { InstantIDFaceAnalysis: insightface("antelopev2") },
  "cubiq/PuLID_ComfyUI": {
    PulidInsightFaceLoader: insightface("antelopev2"),
    PulidEvaClipLoader: "EVA02-CLIP-L-14-336, from the hub",
    ApplyPulid: "facexlib's models for finding and parsing faces",
    ApplyPulidAdvanced: "facexlib's models for finding and parsing faces",
  },
  "cubiq/ComfyUI_FaceAnalysis": {
    FaceAnalysisModels: "the models of InsightFace or dlib (models/insightface, models/dlib)",
  },
  "cubiq/ComfyUI_essentials": {
    "RemBGSession+": "rembg's model",
    "TransparentBGSession+": "transparent-background's model",
  },
  "Gourieff/ComfyUI-ReActor": {
    ...each(
      ["ReActorFaceSwap", "ReActorFaceSwapOpt", "ReActorBuildFaceModel", "ReActorFaceSimilarity"],
      `${insightface("buffalo_l")}, and models that find faces and judge pictures`,
    ),
    ...each(
      ["ReActorRestoreFace", "ReActorRestoreFaceAdvanced", "ReActorFaceBoost", "ReActorMaskHelper"],
      "facexlib's models for finding and parsing faces (models/facedetection)",
    ),
  },
  "pythongosssss/ComfyUI-WD14-Tagger": {
    "WD14Tagger|pysssss": "the tagger's model and its list of tags, in the node's own folder",
  },
  "WASasquatch/was-node-suite-comfyui": {
    "BLIP Analyze Image": "BLIP, from the hub",
    "CLIPSeg Model Loader": "CLIPSeg, from the hub",
    "Diffusers Hub Model Down-Loader": "a model of the hub",
    "Diffusers Model Loader": "all files of a folder below models/diffusers",
    "Image Rembg (Remove Background)": "rembg's model",
    "SAM Model Loader": "Segment Anything (models/sams)",
  },
  "ZHO-ZHO-ZHO/ComfyUI-BRIA_AI-RMBG": {
    BRIA_RMBG_ModelLoader_Zho: "BRIA's RMBG-1.4, in the node's own folder",
  },
  "chflame163/ComfyUI_LayerStyle": {
    "LayerUtility: LoadVQAModel": "a model that answers questions (models/VQA)",
    ...each(
      [
        ...[
          "LoadSegformerModel",
          "MaskEdgeUltraDetail V2",
          "MaskEdgeUltraDetail V3",
          "RemBgUltra",
          "RmBgUltra V2",
        ],
        ...["SegformerB2ClothesUltra", "SegformerClothesPipelineLoader", "SegformerFashionPipelineLoader"],
        ...["SegformerUltraV2", "SegformerUltraV3"],
      ].map((name) => `LayerMask: ${name}`),
      "models for segmentation and matting",
    ),
  },
  "huchenlei/ComfyUI-layerdiffuse": each(
    "Apply CondApply CondJointApply Decode DecodeRGBA DecodeSplit DiffApply JointApply"
      .split(" ")
      .map((name) => `LayeredDiffusion${name}`),
    "layer diffusion's models (models/layer_model)",
  ),
  "jags111/efficiency-nodes-comfyui": { LatentUpscaler: "the upscaler's model, from the hub" },
  "kijai/ComfyUI-Florence2": { Florence2ModelLoader: "all files of a folder below models/LLM" },
  "rdancer/ComfyUI_Florence2SAM2": { RdancerFlorence2SAM2GenerateMask: "Florence-2 and SAM 2, from the hub" },
  "ltdrdata/ComfyUI-Impact-Pack": {
    CLIPSegDetectorProvider: "CLIPSeg, from the hub",
    ImpactHFTransformersClassifierProvider: "a classifier of the hub",
  },
  "ltdrdata/ComfyUI-Inspire-Pack": {
    "IPAdapterModelHelper //Inspire": "the files of its preset (models/ipadapter, clip_vision, loras)",
  },
  "Lightricks/ComfyUI-LTXVideo": {
    LTXVPromptEnhancerLoader: "a captioner and a language model, from the hub",
  },
  "nunchaku-tech/ComfyUI-nunchaku": {
    NunchakuDepthPreprocessor: "a depth model (models/checkpoints)",
    NunchakuPulidLoader: `${insightface("antelopev2")}, EVA-CLIP and facexlib's models`,
    NunchakuPuLIDLoaderV2: `${insightface("antelopev2")}, and facexlib's models`,
  },
  "melMass/comfy_mtb": {
    "Image Remove Background Rembg (mtb)": "rembg's model",
    "Load Face Analysis Model (mtb)": "InsightFace's model (models/insightface)",
    "Load Face Enhance Model (mtb)": "a model that mends faces (models/upscale_models)",
    "Load Face Swap Model (mtb)": "a model that swaps faces (models/insightface)",
    "Load Film Model (mtb)": "FILM's model (models/FILM)",
    "Deep Bump (mtb)": "DeepBump's model (models/deepbump)",
  },
  "yolain/ComfyUI-Easy-Use": {
    "easy applyBrushNet": "BrushNet's model (models/inpaint)",
    "easy applyFooocusInpaint": "Fooocus' patch and head for inpainting (models/inpaint)",
    "easy applyInpaint": "models for inpainting (models/inpaint)",
    "easy applyPowerPaint": "PowerPaint's models (models/inpaint)",
    "easy humanSegmentation": "models for segmentation",
    "easy icLightApply": "IC-Light's model (models/unet)",
    "easy imageInterrogator": "the interrogator's models",
    "easy imageRemBg": "a model that removes backgrounds (models/rembg)",
    "easy instantIDApply": insightface("antelopev2"),
    "easy instantIDApplyADV": insightface("antelopev2"),
    "easy pulIDApply": `${insightface("antelopev2")}, EVA-CLIP and facexlib's models`,
    "easy pulIDApplyADV": `${insightface("antelopev2")}, EVA-CLIP and facexlib's models`,
    ...each(
      ["Apply", "ApplyADV", "ApplyFaceIDKolors", "ApplyRegional", "StyleComposition"].map(
        (name) => `easy ipadapter${name}`,
      ),
      "the files of its preset (models/ipadapter, clip_vision, loras)",
    ),
    "easy preSamplingLayerDiffusion": "layer diffusion's models (models/layer_model)",
    "easy preSamplingLayerDiffusionADDTL": "layer diffusion's models (models/layer_model)",
  },
};
