"""Writes the counting model: a tiny llama whose every answer is known by construction.

The vocabulary holds the number words one to twenty. Attention and feed-forward weights are zero, so the residual
stream carries nothing but the embedding of the last token; each number word has a dimension of its own, and the
output matrix maps that dimension to the word's successor. "one two" is therefore continued with
" three four five …", "twenty" ends the text, and any other token starts the count at "one". The margin between the
right token and the others is so wide that the answer does not depend on the sampling temperature.

    python make_counting_model.py counting.gguf

Writes the same bytes on every run. Needs the PyPI packages `gguf` and `numpy`.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

WORDS = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]

# 64 is the smallest head for which llama.cpp has CUDA flash attention kernels; one head is enough.
EMBEDDING = 64
FEED_FORWARD = 64
CONTEXT = 2048
NORM_EPSILON = 1e-5
# RMS normalisation turns a one-hot vector of 64 into one of value 8, so the right token's logit is 64 and all others
# are 0: even at temperature 2 the others share a probability below 1e-11.
OUTPUT_GAIN = 8.0

# SentencePiece writes a space as this character.
SPACE = "\u2581"
UNKNOWN, BEGIN, END = 0, 1, 2

# The conversation as plain text: the answer goes on counting from the last word of the last message.
CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% if not loop.last %} {% endif %}{% endfor %}"


@dataclass(frozen=True)
class Token:
    """One entry of the vocabulary; `score` ranks merges, higher first."""

    text: bytes
    kind: gguf.TokenType
    score: float = 0.0


def make_vocabulary() -> list[Token]:
    """Special tokens, the 256 bytes, then every prefix of every word: SPM merges a prefix with the next letter."""
    special = [
        Token(b"<unk>", gguf.TokenType.UNKNOWN),
        Token(b"<s>", gguf.TokenType.CONTROL),
        Token(b"</s>", gguf.TokenType.CONTROL),
    ]
    raw = [Token(f"<0x{byte:02X}>".encode(), gguf.TokenType.BYTE) for byte in range(256)]
    prefixes = sorted({SPACE + word[:length] for word in WORDS for length in range(len(word) + 1)})
    pieces = [Token(text.encode(), gguf.TokenType.NORMAL, -float(rank)) for rank, text in enumerate(prefixes, 1)]
    return special + raw + pieces


def make_embeddings(word_ids: list[int], size: int) -> npt.NDArray[np.float32]:
    """One dimension for each number word; dimension 0 stands for every other token."""
    embeddings = np.zeros((size, EMBEDDING), dtype=np.float32)
    embeddings[:, 0] = 1.0
    for dimension, token in enumerate(word_ids, 1):
        embeddings[token] = 0.0
        embeddings[token, dimension] = 1.0
    return embeddings


def make_output(word_ids: list[int], size: int) -> npt.NDArray[np.float32]:
    """Row = next token, column = the dimension of the current one: each word calls its successor, the last one END."""
    output = np.zeros((size, EMBEDDING), dtype=np.float32)
    for dimension, successor in enumerate([*word_ids, END]):
        output[successor, dimension] = OUTPUT_GAIN
    return output


def add_tensors(writer: gguf.GGUFWriter, embeddings: npt.NDArray[np.float32], output: npt.NDArray[np.float32]) -> None:
    """All tensors of a one-layer llama; everything between embedding and output is zero or the identity."""
    ones = np.ones(EMBEDDING, dtype=np.float32)
    square = np.zeros((EMBEDDING, EMBEDDING), dtype=np.float32)
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("blk.0.attn_norm.weight", ones)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        writer.add_tensor(f"blk.0.{name}.weight", square)
    writer.add_tensor("blk.0.ffn_norm.weight", ones)
    writer.add_tensor("blk.0.ffn_gate.weight", np.zeros((FEED_FORWARD, EMBEDDING), dtype=np.float32))
    writer.add_tensor("blk.0.ffn_up.weight", np.zeros((FEED_FORWARD, EMBEDDING), dtype=np.float32))
    writer.add_tensor("blk.0.ffn_down.weight", np.zeros((EMBEDDING, FEED_FORWARD), dtype=np.float32))


def add_tokenizer(writer: gguf.GGUFWriter, vocabulary: list[Token]) -> None:
    """A SentencePiece vocabulary with byte fallback and the chat template."""
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([token.text for token in vocabulary])
    writer.add_token_scores([token.score for token in vocabulary])
    writer.add_token_types([token.kind for token in vocabulary])
    writer.add_unk_token_id(UNKNOWN)
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(True)
    writer.add_chat_template(CHAT_TEMPLATE)


def write_model(path: Path) -> None:
    """Writes the model to `path`, replacing what is there."""
    vocabulary = make_vocabulary()
    index = {token.text: number for number, token in enumerate(vocabulary)}
    word_ids = [index[(SPACE + word).encode()] for word in WORDS]

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("counting")
    writer.add_description("Counts from one to twenty; made for tests, knows nothing else")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(len(vocabulary))
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(EMBEDDING)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_rope_dimension_count(EMBEDDING)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    add_tokenizer(writer, vocabulary)
    add_tensors(writer, make_embeddings(word_ids, len(vocabulary)), make_output(word_ids, len(vocabulary)))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> int:
    """Writes the model named on the command line and proves that a second run gives the same bytes."""
    if len(sys.argv) != 2:
        print("usage: make_counting_model.py OUTPUT.gguf", file=sys.stderr)
        return 2
    target = Path(sys.argv[1])
    write_model(target)
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "again.gguf"
        write_model(again)
        if again.read_bytes() != target.read_bytes():
            print(f"{target}: two runs gave different bytes", file=sys.stderr)
            return 1
    print(f"{target}: {target.stat().st_size} bytes, {len(make_vocabulary())} tokens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
