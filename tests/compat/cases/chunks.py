"""Providers whose streams are read by a method for chunks, as the integration guide has it."""

import json

from litellm.llms.base_llm.chat.transformation import BaseConfig


class TextHandler(BaseConfig):
    def transform_response(self, raw_response, model_response, **rest):
        model_response.choices[0].message.content = raw_response.text
        return model_response

    def handle_my_provider_chunk(self, chunk):
        try:
            is_finished = False
            finish_reason = ""

            return {
                "text": chunk,
                "is_finished": is_finished,
                "finish_reason": finish_reason,
            }
        except Exception as e:
            raise e


class LineHandler(TextHandler):
    def handle_my_provider_chunk(self, chunk):
        text = json.loads(chunk.removeprefix("data:"))["t"]
        return {"text": text, "is_finished": False, "finish_reason": ""}
