"""Write a language model of 34 000 random weights: real enough for a real server to serve.

It babbles: mostly the words of WORDS, some quotation marks, and an end after a dozen tokens.
Every byte is a token, so any prompt, grammar and JSON schema works.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

WIDTH, INNER, HEADS, CONTEXT = 32, 64, 4, 4096
WORDS = ["hello", "world", "the", "a", "cat", "tea", "sings", "and", "to", "city", "rain"]
QUOTE = '"'
# llama.cpp derives this opening from the chat template, newline included, and forbids it in text.
CALL_OPENING = "<tool_call>\n"

BEGIN, END = 1, 2
VOCABULARY = [
    *[("<unk>", gguf.TokenType.UNKNOWN)],
    *[("<s>", gguf.TokenType.CONTROL), ("</s>", gguf.TokenType.CONTROL)],
    *[(f"<0x{byte:02X}>", gguf.TokenType.BYTE) for byte in range(256)],
    # U+2581 is SentencePiece's spelling of a space.
    *[(f"\u2581{word}", gguf.TokenType.NORMAL) for word in ("", *WORDS)],
    *[(chr(code), gguf.TokenType.NORMAL) for code in range(33, 127)],
    *[(CALL_OPENING, gguf.TokenType.NORMAL)],
]
TOKEN_IDS = {text: number for number, (text, _) in enumerate(VOCABULARY)}

# In the manner of ChatML with Hermes' tool calls, which llama.cpp learns by comparing renderings.
CHAT_TEMPLATE = r"""
{%- if tools %}
{{- '<|im_start|>system\n# Tools\n<tools>' }}
{%- for tool in tools %}{{- '\n' }}{{- tool | tojson }}{%- endfor %}
{{- '\n</tools><|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}
{{- '<|im_start|>user\n<tool_response>\n' + message.content + '\n</tool_response><|im_end|>\n' }}
{%- elif message.role == 'assistant' %}
{{- '<|im_start|>assistant\n' }}
{%- if message.content %}{{- message.content }}{%- endif %}
{%- for call in message.tool_calls or [] %}
{{- '\n<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' }}
{{- call.function.arguments | tojson }}{{- '}\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\n' }}
{%- else %}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}
"""


def write_model(path: Path) -> None:
    """Write the model as GGUF, the same bytes' worth of weights each time."""
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer)
    for name, tensor in _weights(np.random.default_rng(7)).items():
        writer.add_tensor(f"{name}.weight", tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter) -> None:
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(VOCABULARY))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([text for text, _ in VOCABULARY])
    writer.add_token_types([kind for _, kind in VOCABULARY])
    writer.add_token_scores([-float(number) for number in range(len(VOCABULARY))])
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_unk_token_id(0)
    # With the usual leading space, "assistant\n" would no longer match the grammar that
    # llama.cpp makes of a schema, and every schema would be refused.
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE.strip())


def _weights(random: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    def normal(*shape: int, scale: float) -> NDArray[np.float32]:
        return (random.standard_normal(shape) * scale).astype(np.float32)

    # Each embedding has the same large first component, so the first column of the output
    # weights is a bias: how likely a token is whatever came before.
    embedding = normal(len(VOCABULARY), WIDTH, scale=0.5)
    embedding[:, 0] = 4
    output = normal(len(VOCABULARY), WIDTH, scale=0.25)
    output[:, 0] = [0 if kind == gguf.TokenType.NORMAL else -8 for _, kind in VOCABULARY]
    output[[TOKEN_IDS[f"\u2581{word}"] for word in WORDS], 0] = 1
    output[END, 0] = 1
    output[TOKEN_IDS[QUOTE], 0] = 0.8
    output[TOKEN_IDS[CALL_OPENING]] = 0
    output[TOKEN_IDS[CALL_OPENING], 0] = -3

    square, tall, flat = (WIDTH, WIDTH), (INNER, WIDTH), (WIDTH, INNER)
    shapes = {"attn_q": square, "attn_k": square, "attn_v": square, "attn_output": square}
    shapes |= {"ffn_gate": tall, "ffn_up": tall, "ffn_down": flat}
    block = {name: normal(*shape, scale=0.1) for name, shape in shapes.items()}
    norms = {name: np.ones(WIDTH, np.float32) for name in ("attn_norm", "ffn_norm")}
    return {
        "token_embd": embedding,
        "output": output,
        "output_norm": np.ones(WIDTH, np.float32),
        **{f"blk.0.{name}": tensor for name, tensor in (block | norms).items()},
    }
