"""Providers that are code: LiteLLM's custom handlers."""

import asyncio

from litellm import CustomLLM
from litellm.types.utils import Choices, Embedding, Message, ModelResponse, Usage


class Echo(CustomLLM):
    """Says what it was told, and in which words it was asked."""

    def completion(self, model, messages, model_response, optional_params, **rest):
        said = f"{model}: {messages[-1]['content']} {sorted(optional_params)}"
        return ModelResponse(
            model=model,
            choices=[Choices(message=Message(content=said), finish_reason="stop")],
            usage=Usage(prompt_tokens=3, completion_tokens=2, total_tokens=5),
        )

    def streaming(self, model, messages, **rest):
        for word in messages[-1]["content"].split():
            yield piece(f"{word} ")
        yield piece("", end="stop", usage={"prompt_tokens": 3, "completion_tokens": 2})

    def embedding(self, model, input, model_response, **rest):
        model_response.model = model
        model_response.data = [
            Embedding(embedding=[float(len(text)), 0.5], index=n, object="embedding")
            for n, text in enumerate(input)
        ]
        model_response.usage = Usage(prompt_tokens=len(input), total_tokens=len(input))
        return model_response


class Awaited(CustomLLM):
    """The same with coroutines alone; it keeps something that belongs to its event loop."""

    def __init__(self):
        super().__init__()
        self.loop = None

    async def acompletion(self, model, messages, model_response, **rest):
        running = asyncio.get_running_loop()
        if self.loop is None:
            self.loop = running
        assert self.loop is running, "what I keep belongs to another event loop"
        await asyncio.sleep(0)
        model_response.choices[0].message.content = messages[-1]["content"]
        model_response.choices[0].finish_reason = "stop"
        return model_response

    async def astreaming(self, model, messages, **rest):
        for word in messages[-1]["content"].split():
            await asyncio.sleep(0)
            yield piece(f"{word} ")
        yield piece("", end="stop")


class Caller(CustomLLM):
    """Calls a tool, in pieces."""

    def streaming(self, **rest):
        for name, arguments in (("look", '{"city": '), (None, '"Lyon"}')):
            yield piece(
                "",
                call={
                    "id": "call_1" if name else None,
                    "type": "function",
                    "index": 0,
                    "function": {"name": name, "arguments": arguments},
                },
            )
        yield piece("", end="stop")


class Whole(CustomLLM):
    """Has no stream."""

    def completion(self, messages, model_response, **rest):
        model_response.choices[0].message.content = messages[-1]["content"]
        return model_response


def piece(text, end="", usage=None, call=None):
    return {
        "text": text,
        "is_finished": bool(end),
        "finish_reason": end,
        "index": 0,
        "tool_use": call,
        "usage": usage,
    }


echo = Echo()
awaited = Awaited()
caller = Caller()
