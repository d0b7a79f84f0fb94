"""The algorithm: plan, try, translate, meter. It asks for I/O and does none but in `drive`."""
