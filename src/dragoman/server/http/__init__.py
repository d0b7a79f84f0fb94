"""HTTP as handlers see it, and what stands between it and a socket."""
