"""What is told of the gateway and its providers: figures, spans, alerts, health."""
