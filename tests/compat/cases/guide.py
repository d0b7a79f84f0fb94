"""The class of LiteLLM's integration guide, filled in as the guide says.

Source: https://docs.litellm.ai/docs/provider_registration (read 2026-11)
"""

from litellm.llms.base_llm.chat.transformation import BaseConfig


class MyProviderChatConfig(BaseConfig):
    def __init__(self): ...

    def validate_environment(
        self,
        headers,
        model,
        messages,
        optional_params,
        litellm_params,
        api_key=None,
        api_base=None,
    ):
        headers.update({"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"})
        return headers

    def get_complete_url(
        self, api_base, api_key, model, optional_params, litellm_params, stream=None
    ):
        return f"{api_base}/{model}"

    def transform_request(self, model, messages, optional_params, litellm_params, headers):
        data = {"messages": messages, "params": optional_params}
        return data

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
        json = raw_response.json()
        model_response.model = model
        model_response.choices[0].message.content = json.get("output")
        return model_response
