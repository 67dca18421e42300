"""Chat templates in the forms that model families have, each as short as it can be, and a tokenizer like SentencePiece's."""

import string

import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers


def turns(system: str = "", user: str = "", assistant: str = "", reply: str = "", before: str = "") -> str:
    """Return a template that writes each message as its role says; `reply` asks for the next reply."""
    roles = {"system": system, "user": user, "assistant": assistant}
    branches = "".join(f"{{%- if m.role == '{role}' -%}}{text}{{%- endif -%}}" for role, text in roles.items())
    end = f"{{%- if add_generation_prompt -%}}{reply}{{%- endif -%}}" if reply else ""
    return f"{before}{{%- for m in messages -%}}{branches}{{%- endfor -%}}{end}"


def chatml(reply: str = "", assistant: str = "{{ m.content }}", content: str = "{{ m.content }}") -> str:
    """Return a template with ChatML's turns; `reply` is written after the start of the next reply."""
    start, end = "{{ '<|im_start|>' + m.role + '\\n' }}", "{{ '<|im_end|>\\n' }}"
    said, answered = f"{start}{content}{end}", f"{start}{assistant}{end}"
    return turns(said, said, answered, "{{ '<|im_start|>assistant\\n' }}" + reply)


PARTS = "{% for part in m.content %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}"
ALTERNATE = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate user/assistant') }}{% endif %}{% endfor %}"
)
INST, REPLY = "{{ '[INST] ' + m.content + ' [/INST]' }}", "{{ ' ' + m.content + eos_token }}"
TEMPLATES = {
    "chatml": chatml(),
    "parts only": chatml(content=PARTS, assistant=PARTS),
    # The system message goes before the first user's.
    "llama-2": (
        "{% set system = messages[0].content if messages[0].role == 'system' else '' %}{{ bos_token }}"
        + turns(
            "", "{{ '[INST] ' + ('<<SYS>>' + system + '<</SYS>>' if loop.index0 < 2 else '') + m.content + ' [/INST]' }}", REPLY
        )
    ),
    "mistral-0.1": turns("", INST, REPLY, before="{{ bos_token }}" + ALTERNATE),
    # The system message goes into the last user's, if this is the last message.
    "mistral-0.3": (
        "{% set system = messages[0].content if messages[0].role == 'system' else '' %}{{ bos_token }}"
        + turns("", "{{ '[INST] ' + (system + '\\n\\n' if loop.last and system else '') + m.content + '[/INST]' }}", REPLY)
    ),
    "gemma": turns(
        "{{ raise_exception('System role not supported') }}",
        "{{ '<start_of_turn>user\\n' + m.content | trim + '<end_of_turn>\\n' }}",
        "{{ '<start_of_turn>model\\n' + m.content | trim + '<end_of_turn>\\n' }}",
        "{{ '<start_of_turn>model\\n' }}",
        before="{{ bos_token }}",
    ),
    "phi-3": turns(
        "",
        "{{ '<|user|>\\n' + m.content + '<|end|>\\n<|assistant|>\\n' }}",
        "{{ m.content + '<|end|>\\n' }}",
        before="{{ bos_token }}",
    ),
    "qwen3": chatml(
        "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}",
        "{{ ('<think>\\n\\n</think>\\n\\n' if loop.last else '') + m.content.split('</think>')[-1].lstrip('\\n') }}",
    ),
    "qwq": chatml("{{ '<think>\\n' }}", "{{ m.content.split('</think>')[-1].lstrip('\\n') }}"),
    "gpt-oss": turns(
        "{{ '<|start|>system<|message|>' + m.content + '<|end|>' }}",
        "{{ '<|start|>user<|message|>' + m.content + '<|end|>' }}",
        "{{ '<|start|>assistant<|channel|>final<|message|>' + m.content + ('<|return|>' if loop.last else '<|end|>') }}",
        "{{ '<|start|>assistant' }}",
    ),
}
MARKS = (
    "<|im_start|> <|im_end|> <start_of_turn> <end_of_turn> <|user|> <|assistant|> <|end|> <|start|> <|message|> <|channel|> "
    "<|return|> <think> </think>"
).split()


def like_sentencepiece(template: str, prepend_scheme: str = "first") -> transformers.PreTrainedTokenizerFast:
    """Return a tokenizer whose pieces are single characters and the letters with a space before them."""
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0)]
    pieces += [(character, -3.0) for character in ["▁", "\n", *string.ascii_letters, *string.digits, *string.punctuation]]
    pieces += [(f"▁{letter}", -3.0) for letter in "ABCD"]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=prepend_scheme, split=False)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=prepend_scheme, split=False)
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", chat_template=template
    )
    fast.add_tokens(MARKS)  # not special, as some vocabularies have them
    return fast
