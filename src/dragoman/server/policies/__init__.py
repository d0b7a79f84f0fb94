"""What an organisation wants done about requests and answers: kept, inspected, noted, copied."""
