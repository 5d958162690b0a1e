"""Calls that open models or fetch files, by name, and libraries that do neither."""

from __future__ import annotations

import sys

# Whatever they are called on: the last part of the call's name.
OPENS = {
    # folder_paths of ComfyUI
    *("get_full_path", "get_full_path_or_raise", "get_folder_paths", "get_filename_list"),
    # ComfyUI's own readers
    *("load_torch_file", "load_checkpoint_guess_config", "load_checkpoint", "load_diffusion_model", "load_unet"),
    *("load_controlnet", "load_style_model", "load_gligen", "load_safetensors"),
    # PyTorch, safetensors, ONNX, TensorRT
    *("load_file", "safe_open", "InferenceSession", "load_from_file", "deserialize_cuda_engine"),
    # Hugging Face
    *("hf_hub_download", "snapshot_download", "cached_download", "from_pretrained", "from_single_file"),
    *("load_lora_weights", "load_ip_adapter", "load_textual_inversion", "load_checkpoint_and_dispatch"),
    # downloads
    *("load_file_from_url", "load_state_dict_from_url", "download_url_to_file", "download_file_from_google_drive"),
    *("urlopen", "urlretrieve"),
    # libraries that fetch what they need
    *("FaceAnalysis", "init_detection_model", "init_parsing_model", "FaceRestoreHelper", "init_recognition_model"),
    *("create_model_and_transforms", "create_model_from_pretrained", "sam_model_registry", "shape_predictor"),
    *("cnn_face_detection_model_v1", "face_recognition_model_v1", "CascadeClassifier", "YOLO", "LPIPS"),
    *("readNet", "readNetFromONNX", "readNetFromCaffe", "readNetFromTensorflow", "dnn_superres", "from_archive"),
}

# Of these, what asks a network.
FETCHES = {
    *("hf_hub_download", "snapshot_download", "cached_download", "from_pretrained", "pipeline", "FaceAnalysis"),
    *(
        "load_file_from_url",
        "load_state_dict_from_url",
        "download_url_to_file",
        "urlopen",
        "urlretrieve",
        "get",
        "post",
    ),
    *("download_file_from_google_drive", "create_model", "create_model_and_transforms", "ClientSession", "request"),
}

# Where only the whole name tells.
OPENS_BY_ROOT = {
    "torch": {"load", "jit.load", "hub.load", "hub.download_url_to_file"},
    "onnx": {"load"},
    "joblib": {"load"},
    "transformers": {"pipeline"},
    "tensorflow": {"keras.models.load_model", "saved_model.load"},
    "requests": {"get", "post", "request", "Session"},
    "httpx": {"get", "post", "stream", "Client", "AsyncClient"},
    "aiohttp": {"ClientSession"},
    "urllib": {"request.Request"},
}

# All that is called of these fetches or reads a model.
MODEL_LIBRARIES = {
    *("rembg", "transparent_background", "insightface", "facexlib", "gfpgan", "clip_interrogator", "segment_anything"),
    *("huggingface_hub", "modelscope", "wget", "gdown", "open_clip", "clip", "lpips", "easyocr", "whisper", "timm"),
    *("image_gen_aux", "nemo", "pyannote", "sam2", "ultralytics", "dlib", "mmdet", "academictorrents", "llama_cpp"),
    *("faster_whisper", "piq", "pyiqa", "basicsr", "realesrgan", "groundingdino", "compel", "torchmetrics"),
}
# … apart from these.
HARMLESS_CALLS = {
    *("load_models_gpu", "load_model_gpu", "hf_hub_url", "set_verbosity", "convert_model", "list_models"),
    *(
        "norm_crop",
        "norm_crop2",
        "SamPredictor",
        "load_image",
        "estimate_norm",
        "DropPath",
        "to_2tuple",
        "trunc_normal_",
        "list_repo_files",
        "login",
    ),
}

# Libraries that read no model by themselves; all others are named as not read.
HARMLESS = {
    *sys.stdlib_module_names,
    *("nunchaku", "Crypto"),
    *("torch", "numpy", "PIL", "cv2", "tqdm", "torchvision", "einops", "scipy", "safetensors", "transformers"),
    *("diffusers", "accelerate", "peft", "matplotlib", "skimage", "psutil", "yaml", "onnxruntime", "onnx", "packaging"),
    *("sageattention", "sageattn3", "flash_attn", "flash_attn_interface", "xformers", "spas_sage_attn", "triton"),
    *("kornia", "sklearn", "cachetools", "color_matcher", "numba", "av", "regex", "imageio", "imageio_ffmpeg", "apex"),
    *("piexif", "gguf", "bitsandbytes", "omegaconf", "lark", "sentencepiece", "torchao", "pandas", "colour", "ftfy"),
    *("joblib", "pilgram", "typing_extensions", "pycocotools", "pydantic", "simpleeval", "numexpr", "trimesh", "pywt"),
    *("yacs", "addict", "termcolor", "albumentations", "mediapipe", "pymatting", "blend_modes", "pixeloe", "webcolors"),
    *("librosa", "torchaudio", "soundfile", "mss", "git", "cupy", "rotary_embedding_torch", "easydict", "rich"),
    *("requests", "httpx", "aiohttp", "certifi", "loguru", "orjson", "jinja2", "tokenizers", "ml_dtypes", "torchsde"),
    *(
        "taichi",
        "markdownify",
        "deepdiff",
        "tomli",
        "blake3",
        "pyperclip",
        "markdown_it",
        "pynvml",
        "cpuinfo",
        "img2texture",
    ),
    *("comfy", "comfy_api", "comfy_execution", "comfy_extras", "comfy_kitchen", "comfy_aimdo", "execution", "nodes"),
    *("folder_paths", "server", "latent_preview", "node_helpers", "cm_global", "comfyui_version", "app", "tensorrt"),
    *("comfy_angle", "comfyui_frontend_package", "PyQt5", "glfw", "OpenGL", "glm", "alembic", "sqlalchemy", "spandrel"),
    *("spandrel_extra_arches", "tifffile", "open3d", "more_itertools", "fvcore", "iopath", "absl", "plyfile"),
    *("tensorflow", "pkg_resources", "setuptools", "skimage", "mpl_toolkits", "prettytable", "websocket", "fairscale"),
    *("sphobjinv", "dill", "decord", "codetiming", "cozy_comfyui", "cozy_comfy", "pillow_jxl", "blind_watermark"),
}

# Where files of the user lie, and none of a model.
USER_FOLDERS = {
    *("get_input_directory", "get_output_directory", "get_temp_directory", "get_annotated_filepath"),
    *("get_user_directory", "get_save_image_path"),
}

# Folders that every prompt may name files of, which the reading of prompts sees to, and those without models.
OTHER_FOLDERS = {"embeddings", "configs", "custom_nodes", "input", "output", "temp"}

# Parts of ComfyUI that no node opens a model with: its server and editor, Comfy's paid services, and the pictures shown
# while sampling, which have a decoder only where one lies there.
OTHER_PARTS = ("server.py", "app/", "execution.py", "api_server/", "comfy_api_nodes/", "latent_preview.py")
