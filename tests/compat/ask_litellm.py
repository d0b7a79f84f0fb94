"""Asks through a class as LiteLLM itself does. Run where LiteLLM is installed, not by pytest.

    python ask_litellm.py '[{"file": …, "name": …, "base_url": …, "stream": …, "params": {…}}, …]'

Prints what was answered to each, as JSON on its last line.
"""

import importlib.util
import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it would fetch one otherwise

import litellm
from litellm.litellm_core_utils.litellm_logging import Logging
from litellm.llms.custom_httpx.llm_http_handler import BaseLLMHTTPHandler
from litellm.types.utils import ModelResponse

KEY = "acme-secret-0815"


def load(path, name):
    spec = importlib.util.spec_from_file_location("case", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def ask_config(kind, given):
    """Ask as `completion()` does once it knows the class of a provider."""
    config = filled_in(kind)()
    params = {**given["params"], **({"stream": True} if given["stream"] else {})}
    optional_params = config.map_openai_params(
        non_default_params=params, optional_params={}, model=given["model"], drop_params=False
    )
    log = Logging(
        model=given["model"], messages=given["messages"], stream=given["stream"],
        call_type="completion", start_time=None, litellm_call_id="1", function_id="1",
    )  # fmt: skip
    log.update_environment_variables(
        model=given["model"], user=None, optional_params=optional_params, litellm_params={}
    )
    return BaseLLMHTTPHandler().completion(
        model=given["model"], messages=given["messages"], api_base=given["base_url"],
        custom_llm_provider="openai_like", model_response=ModelResponse(), encoding=None,
        logging_obj=log, optional_params=optional_params, timeout=10.0, litellm_params={},
        acompletion=False, stream=given["stream"], api_key=KEY, headers={},
        client=litellm.HTTPHandler(), provider_config=config,
    )  # fmt: skip


def filled_in(kind):
    """Add the abstract methods that a class leaves out: LiteLLM would not make it without them."""
    left_out = {
        "get_supported_openai_params": lambda self, model: ["stream", "temperature", "max_tokens"],
        "map_openai_params": lambda self, non_default_params, **rest: non_default_params,
        "get_error_class": lambda self, **rest: Exception(rest),
    }
    own = {n: hook for n, hook in left_out.items() if n in kind.__abstractmethods__}
    return type(kind.__name__, (kind,), own)


def ask_handler(handler, given):
    litellm.custom_provider_map = [{"provider": "case", "custom_handler": handler}]
    litellm.utils.custom_llm_setup()
    return litellm.completion(
        model=f"case/{given['model']}", messages=given["messages"], **given["params"],
        **({"stream": True} if given["stream"] else {}),
    )  # fmt: skip


def told(answer, stream):
    if not stream:
        choice = answer.choices[0]
        return {
            "text": choice.message.content,
            "calls": [call.function.model_dump() for call in choice.message.tool_calls or ()],
            "end": choice.finish_reason,
            "usage": tokens(answer.get("usage")),
        }
    text, calls, end, usage = "", {}, None, None
    for chunk in answer:
        usage = tokens(chunk.get("usage")) or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            end = choice.finish_reason or end
            for call in choice.delta.tool_calls or ():
                known = calls.setdefault(call.index, {"name": "", "arguments": ""})
                known["name"] += call.function.name or ""
                known["arguments"] += call.function.arguments or ""
    return {"text": text, "calls": list(calls.values()), "end": end, "usage": usage}


def tokens(usage):
    return usage and [usage.prompt_tokens, usage.completion_tokens]


def ask(given):
    found = load(given["file"], given["name"])
    asked = ask_config if isinstance(found, type) else ask_handler
    return told(asked(found, given), given["stream"])


if __name__ == "__main__":
    said = json.dumps([ask(given) for given in json.loads(sys.argv[1])])
    sys.stdout.write(f"\n{said}\n")
