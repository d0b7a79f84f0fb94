"""Classes that stream in rarer ways, and one of vectors."""

import json

from litellm.litellm_core_utils.streaming_handler import CustomStreamWrapper
from litellm.llms.base_llm.chat.transformation import BaseConfig
from litellm.llms.base_llm.embedding.transformation import BaseEmbeddingConfig
from litellm.types.utils import Embedding, Usage


class Plain(BaseConfig):
    def transform_response(self, raw_response, model_response, encoding, **rest):
        answer = raw_response.json()
        model_response.choices[0].message.content = answer["output"]
        counted = len(encoding.encode(answer["output"]))
        model_response.usage = Usage(prompt_tokens=1, completion_tokens=counted)
        return model_response


class FakesStreams(Plain):
    def should_fake_stream(self, model, stream, custom_llm_provider=None):
        return stream


class AwaitedWrapper(Plain):
    @property
    def has_custom_stream_wrapper(self):
        return True

    async def get_async_custom_stream_wrapper(
        self, model, custom_llm_provider, logging_obj, api_base, headers, data, client=None, **rest
    ):
        response = await client.post(api_base, headers=headers, data=json.dumps(data), stream=True)
        return CustomStreamWrapper(
            completion_stream=response.aiter_text(),
            model=model,
            custom_llm_provider=custom_llm_provider,
            logging_obj=logging_obj,
        )


class Reads(Plain):
    """Leaves all to OpenAI's shape but the URL."""

    transform_response = BaseConfig.transform_response

    def get_complete_url(self, api_base, model, **rest):
        return f"{api_base}/{model}"


class Vectors(BaseEmbeddingConfig):
    def transform_embedding_request(self, model, input, optional_params, headers):
        return {"texts": input, "as": model, **optional_params}

    def transform_embedding_response(
        self,
        model,
        raw_response,
        model_response,
        logging_obj,
        api_key,
        request_data,
        optional_params,
        litellm_params,
    ):
        model_response.data = [
            Embedding(embedding=vector, index=n, object="embedding")
            for n, vector in enumerate(raw_response.json()["vectors"])
        ]
        model_response.usage = Usage(prompt_tokens=4, total_tokens=4)
        return model_response
