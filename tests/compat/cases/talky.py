"""A provider that streams bare text, read by a stream wrapper of its own."""

from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.llms.base_llm.chat.transformation import BaseConfig, BaseLLMException
from litellm.types.utils import Usage

NAMES = {"max_tokens": "max_new_tokens", "temperature": "temperature", "stream": "stream"}


class TalkyError(BaseLLMException):
    pass


class TalkyStream(CustomStreamWrapper):
    def chunk_creator(self, chunk):
        said = {"text": chunk, "is_finished": False, "finish_reason": ""}
        return self.return_processed_chunk_logic(
            completion_obj={"content": chunk},
            model_response=self.model_response_creator(),
            response_obj=said,
        )


class TalkyConfig(BaseConfig):
    def __init__(self):
        self.__class__.has_custom_stream_wrapper = True

    def get_supported_openai_params(self, model):
        return list(NAMES)

    def map_openai_params(self, non_default_params, optional_params, model, drop_params):
        return {NAMES[name]: value for name, value in non_default_params.items()}

    def validate_environment(
        self, headers, model, messages, optional_params, litellm_params, api_key=None, api_base=None
    ):
        if not api_key:
            raise TalkyError(status_code=401, message="no key for Talky")
        return {**headers, "authorization": f"Key {api_key}", "content-type": "application/json"}

    def get_complete_url(
        self, api_base, api_key, model, optional_params, litellm_params, stream=None
    ):
        return f"{api_base}/{model}/talk"

    def transform_request(self, model, messages, optional_params, litellm_params, headers):
        stream = optional_params.pop("stream", False)
        return {
            "turns": [{"who": m["role"], "says": m["content"]} for m in messages],
            "stream": stream,
            "params": optional_params,
        }

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
        if answer.get("error"):
            raise TalkyError(status_code=raw_response.status_code, message=answer["error"])
        logging_obj.post_call(original_response=raw_response.text)
        model_response.model = model
        model_response.choices[0].message.content = answer["output"]["text"]
        model_response.usage = Usage(prompt_tokens=11, completion_tokens=5, total_tokens=16)
        model_response.hidden_params["additional_headers"] = raw_response.headers
        return model_response

    def get_error_class(self, error_message, status_code, headers):
        return TalkyError(status_code=status_code, message=f"Talky says: {error_message}")

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
        import json

        response = client.post(
            api_base,
            headers=headers,
            data=json.dumps(data),
            stream=True,
            logging_obj=logging_obj,
            timeout=30,
        )
        if response.status_code != 200:
            raise TalkyError(status_code=response.status_code, message=response.text)
        return TalkyStream(
            completion_stream=response.iter_text(),
            model=model,
            custom_llm_provider=custom_llm_provider,
            logging_obj=logging_obj,
        )
