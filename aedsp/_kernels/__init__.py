"""The kernels: one stem each, on pointers, with state that the caller owns; `simd/` holds the vector loops in C."""
