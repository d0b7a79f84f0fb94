"""Handlers and classes that do wrong."""

import time

from litellm import CustomLLM
from litellm.exceptions import ContextWindowExceededError
from litellm.llms.base_llm.chat.transformation import BaseConfig
from litellm.llms.custom_llm import CustomLLMError
from litellm.types.utils import ModelResponse


class Raises(CustomLLM):
    def completion(self, **rest):
        return {}["nothing"]

    def streaming(self, **rest):
        yield {"text": "so far", "is_finished": False}
        raise ZeroDivisionError("half way")


class Limited(CustomLLM):
    def completion(self, **rest):
        raise CustomLLMError(status_code=429, message="slow down")

    streaming = completion


class TooLong(CustomLLM):
    def completion(self, model, **rest):
        raise ContextWindowExceededError(message="too long", model=model, llm_provider="x")

    streaming = completion


class Sleeps(CustomLLM):
    def completion(self, **rest):
        time.sleep(4)

    streaming = completion


class Spins(CustomLLM):
    def completion(self, **rest):
        while True:
            pass

    streaming = completion


class SleepsHalfWay(CustomLLM):
    def streaming(self, **rest):
        yield {"text": "so far", "is_finished": False}
        time.sleep(4)


class GivesText(CustomLLM):
    def completion(self, **rest):
        return "Hello"

    def streaming(self, **rest):
        yield 5


class GivesNothing(CustomLLM):
    def completion(self, **rest):
        return None

    def streaming(self, **rest):
        return None


class GivesANumber(CustomLLM):
    def completion(self, model_response, **rest):
        model_response.choices[0].message.content = 5
        return model_response

    def streaming(self, **rest):
        yield {"text": 5, "is_finished": False}


class GivesNoChoices(CustomLLM):
    def completion(self, **rest):
        response = ModelResponse()
        response.choices = [None]
        return response


class GivesNoJson(CustomLLM):
    def completion(self, model_response, **rest):
        model_response.extra = object()
        return model_response


class EndlessStream(CustomLLM):
    def streaming(self, **rest):
        while True:
            yield {"text": "x" * 1000, "is_finished": False}


class Unfinished(CustomLLM):
    pass


class ConfigRaises(BaseConfig):
    def transform_request(self, **rest):
        return {}["nothing"]


class ConfigGivesNothing(BaseConfig):
    def validate_environment(self, headers, **rest):
        headers["x"] = "1"


class ConfigGivesAList(BaseConfig):
    def transform_request(self, **rest):
        return [1]


class ConfigLoses(BaseConfig):
    def transform_response(self, raw_response, model_response, **rest):
        return raw_response.json()
