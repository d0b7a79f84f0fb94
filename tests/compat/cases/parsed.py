"""A provider whose stream is server-sent events, read by a chunk parser."""

from litellm.llms.base_llm.base_model_iterator import BaseModelResponseIterator
from litellm.llms.base_llm.chat.transformation import BaseConfig, BaseLLMException
from litellm.types.utils import Choices, GenericStreamingChunk, Message, Usage


class ParsedIterator(BaseModelResponseIterator):
    def chunk_parser(self, chunk):
        call = chunk.get("call")
        return GenericStreamingChunk(
            text=chunk.get("delta", ""),
            is_finished=chunk.get("why") is not None,
            finish_reason=chunk.get("why") or "",
            usage=chunk.get("tokens"),
            index=0,
            tool_use=call and {"type": "function", "index": call["n"], **call["body"]},
        )


class ParsedConfig(BaseConfig):
    def get_supported_openai_params(self, model):
        return ["tools", "tool_choice", "max_tokens", "temperature", "stream"]

    def map_openai_params(self, non_default_params, optional_params, model, drop_params):
        return {n: v for n, v in non_default_params.items() if n != "stream"}

    def validate_environment(
        self, headers, model, messages, optional_params, litellm_params, api_key=None, api_base=None
    ):
        return {**headers, "x-key": api_key, "content-type": "application/json"}

    def get_complete_url(
        self, api_base, api_key, model, optional_params, litellm_params, stream=None
    ):
        return f"{api_base}/generate"

    def transform_request(self, model, messages, optional_params, litellm_params, headers):
        return {"model": model, "input": messages, "settings": optional_params}

    def transform_response(
        self,
        model,
        raw_response,
        model_response,
        logging_obj,
        request_data,
        messages,
        optional_params,
        litellm_params,
        encoding,
        api_key=None,
        json_mode=None,
    ):
        answer = raw_response.json()
        model_response.model = answer["model"]
        model_response.choices = [
            Choices(finish_reason=answer["why"], message=Message(content=answer["said"]))
        ]
        model_response.usage = Usage(**answer["tokens"])
        return model_response

    def get_error_class(self, error_message, status_code, headers):
        return BaseLLMException(status_code=status_code, message=error_message, headers=headers)

    def get_model_response_iterator(self, streaming_response, sync_stream, json_mode=False):
        return ParsedIterator(
            streaming_response=streaming_response, sync_stream=sync_stream, json_mode=json_mode
        )


class PulledConfig(ParsedConfig):
    """The same with a generator, which cannot be handed lines: it pulls them."""

    def get_model_response_iterator(self, streaming_response, sync_stream, json_mode=False):
        parser = ParsedIterator(streaming_response=None, sync_stream=sync_stream)

        def read():
            for line in streaming_response:
                if line.startswith("data:") and "[DONE]" not in line:
                    yield parser._handle_string_chunk(str_line=line)

        return read()
