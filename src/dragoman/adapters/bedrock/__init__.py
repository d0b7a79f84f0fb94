"""Amazon Bedrock, in its own language: Converse and ConverseStream.

    adapter.py   the hooks            access.py    where it is, and who asks
    request.py   what is asked        history.py   its messages      media.py  pictures and files
    answer.py    what comes back      errors.py    what went wrong   models.py what families take

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and
/API_runtime_ConverseStream.html (read 2026-11)
"""
