"""A provider whose requests are signed, with a stream in frames of its own: length, then JSON."""

import hashlib
import hmac
import json

from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.llms.base_llm.chat.transformation import BaseConfig, BaseLLMException
from litellm.types.utils import Choices, Message, Usage


class Frames:
    """Cuts bytes into frames: four bytes of length, big-endian, and so many of JSON."""

    def iter_bytes(self, chunks):
        pending = b""
        for chunk in chunks:
            pending += chunk
            while len(pending) >= 4 and len(pending) >= 4 + int.from_bytes(pending[:4], "big"):
                size = int.from_bytes(pending[:4], "big")
                yield self.read(json.loads(pending[4 : 4 + size]))
                pending = pending[4 + size :]

    def read(self, frame):
        return {
            "text": frame.get("text", ""),
            "is_finished": bool(frame.get("end")),
            "finish_reason": frame.get("end") or "",
            "usage": frame.get("usage"),
            "index": 0,
            "tool_use": frame.get("call"),
        }


class EndpointsConfig(BaseConfig):
    def get_supported_openai_params(self, model):
        return ["tools", "tool_choice", "max_tokens", "stream"]

    def map_openai_params(self, non_default_params, optional_params, model, drop_params):
        return {n: v for n, v in non_default_params.items() if n != "stream"}

    def validate_environment(
        self, headers, model, messages, optional_params, litellm_params, api_key=None, api_base=None
    ):
        return {**headers, "content-type": "application/json"}

    def get_complete_url(
        self, api_base, api_key, model, optional_params, litellm_params, stream=None
    ):
        way = "invocations-response-stream" if stream is True else "invocations"
        return f"{api_base}/endpoints/{model}/{way}"

    def transform_request(self, model, messages, optional_params, litellm_params, headers):
        return {"messages": messages, **optional_params}

    def sign_request(
        self,
        headers,
        optional_params,
        request_data,
        api_base,
        api_key=None,
        model=None,
        stream=None,
        fake_stream=None,
    ):
        body = json.dumps(request_data, sort_keys=True).encode()
        signature = hmac.new(api_key.encode(), body, hashlib.sha256).hexdigest()
        return {**headers, "x-signature": signature}, body

    @property
    def has_custom_stream_wrapper(self):
        return True

    @property
    def supports_stream_param_in_request_body(self):
        return False

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
        message = Message(content=answer["text"], tool_calls=answer.get("calls"))
        model_response.choices = [Choices(finish_reason=answer["end"], message=message)]
        model_response.model = model
        model_response.usage = Usage(**answer["usage"])
        return model_response

    def get_error_class(self, error_message, status_code, headers):
        return BaseLLMException(status_code=status_code, message=error_message, headers=headers)

    def get_sync_custom_stream_wrapper(
        self,
        model,
        custom_llm_provider,
        logging_obj,
        api_base,
        headers,
        data,
        messages,
        client=None,
        json_mode=None,
        signed_json_body=None,
        *,
        litellm_params=None,
        timeout=None,
    ):
        response = client.post(
            api_base,
            headers=headers,
            data=signed_json_body if signed_json_body is not None else data,
            stream=True,
            logging_obj=logging_obj,
        )
        return CustomStreamWrapper(
            completion_stream=Frames().iter_bytes(response.iter_bytes()),
            model=model,
            custom_llm_provider=custom_llm_provider,
            logging_obj=logging_obj,
        )
