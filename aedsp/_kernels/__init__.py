"""The kernels: C-level functions on pointers and caller-owned state; `simd/` holds the vector loops in C."""
